"""What an administrator wrote in the form of an account, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from fastapi import Depends, Form

from collector.errors import RegistryError
from collector.registry.accounts import Account, Accounts, plain_name
from collector.roles import Role

Field: TypeAlias = Annotated[str, Form(max_length=2000)]

Faults: TypeAlias = Mapping[str, str]
"""By field, the key of the text that says what is wrong."""


@dataclass(frozen=True, slots=True)
class AccountForm:
    """The fields as they were sent; `site` counts for school staff only."""

    name: str = ""
    role: str = ""
    site: str = ""
    way: str = "link"

    @classmethod
    def of(cls, account: Account) -> AccountForm:
        """The fields that an account fills."""
        return cls(account.name, account.role.value, account.site or "")

    def new_faults(self, accounts: Accounts, sites: Collection[str]) -> dict[str, str]:
        """What stands against adding it."""
        faults = self.role_faults(sites)
        try:
            known_as = plain_name(self.name)
        except RegistryError:
            return {"name": "accounts.wrong_name", **faults}
        if accounts.named(known_as) is not None:
            return {"name": "accounts.wrong_taken", **faults}
        return faults

    def role_faults(self, sites: Collection[str]) -> dict[str, str]:
        """What stands against that role."""
        if self.role not in set(Role):
            return {"role": "accounts.wrong_role"}
        if self.of_site is not None and self.of_site not in sites:
            return {"site": "accounts.wrong_site"}
        return {}

    @property
    def of_site(self) -> str | None:
        """Where school staff work; None: anywhere, or the role is another."""
        return (self.site or None) if self.role == Role.SCHOOL else None


def _form(name: Field = "", role: Field = "", site: Field = "", way: Field = "link") -> AccountForm:
    return AccountForm(name, role, site, way)


AccountFormOf = Annotated[AccountForm, Depends(_form)]
