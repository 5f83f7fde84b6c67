"""Who may see what: the part ``[access]`` of the collector's configuration."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from collector.roles import Role

_Filled = Annotated[str, Meta(min_length=1)]


class Oidc(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An OpenID provider, such as the municipality's own, by which people may log in.

    Attributes
    ----------
    issuer : str
        Its address; what it can do is read from ``/.well-known/openid-configuration`` below it.
    client_secret_file : str, optional
        File that holds the secret; takes the place of `client_secret`.
    label : str
        What the button on the login page calls it.
    role_claim : str
        Which claim tells what somebody is; its value is a text, or a list of them.
    roles : dict
        The role of whoever has that value; of several, the first one listed here counts. Whoever
        has none of them is refused.
    name_claim : str
        Which claim an account is named by.
    add_accounts : bool
        Whether somebody whose role is known gets an account at the first login; else an
        administrator has to add it.
    """

    issuer: Annotated[str, Meta(pattern=r"^https?://.")]
    client_id: _Filled
    client_secret: str = ""
    client_secret_file: str | None = None
    label: _Filled = "OpenID Connect"
    scope: str = "openid profile email"
    role_claim: _Filled = "groups"
    roles: Annotated[dict[str, Role], Meta(min_length=1)]
    name_claim: _Filled = "email"
    add_accounts: bool = True


class Access(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Logins, and what is shown without one.

    Attributes
    ----------
    public_view : bool
        Whether quarter-hours are shown to whoever is not logged in; else there is only the login.
    small_count : int
        Fewer events than this in a quarter-hour are shown without their number.
    session_hours, idle_hours : float
        After which time a session ends at the latest, and when nothing is done.
    log_days : float
        How long the access log keeps who looked at what.
    """

    public_view: bool = True
    small_count: Annotated[int, Meta(ge=1, le=100)] = 5
    session_hours: Annotated[float, Meta(gt=0, le=24 * 90)] = 12.0
    idle_hours: Annotated[float, Meta(gt=0, le=24 * 90)] = 2.0
    log_days: Annotated[float, Meta(gt=0, le=36_500)] = 365.0
    oidc: Oidc | None = None
