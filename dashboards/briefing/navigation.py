"""The pages that everybody finds in the navigation, as far as their role lets them."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol


class Place(NamedTuple):
    """A page in the navigation: its address, the key of its name, and who may see it.

    `permission` None: everybody.
    """

    address: str
    text: str
    permission: str | None


class _May(Protocol):
    def may(self, permission: str, /) -> bool: ...


PLACES: Final = (
    Place("/briefing", "nav.plan", "see_plan"),
    Place("/patrols", "nav.patrols", "see_plan"),
    Place("/fleet", "nav.fleet", "see_fleet"),
    Place("/live", "nav.live", "see_detail"),
    Place("/public", "nav.public", None),
    Place("/evidence", "evidence.title", "export_evidence"),
    Place("/disturbances", "disturbance.title", "report_disturbance"),
    Place("/accounts", "accounts.title", "manage_accounts"),
    Place("/about", "nav.about", None),
)
"""In their order; a new page is one line."""


def places(visitor: _May) -> list[Place]:
    """Where a visitor may go."""
    return [one for one in PLACES if one.permission is None or visitor.may(one.permission)]


def is_at(place: Place, path: str) -> bool:
    """Whether a path is that page, or one below it."""
    return path == place.address or path.startswith(f"{place.address}/")
