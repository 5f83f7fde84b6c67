"""The pictures in the documentation: of which page each is, and what is to be seen on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Page

from collector.roles import Role


def nothing(page: Page) -> None:
    """Leave the page as it comes."""


def an_episode(page: Page) -> None:
    """Go on to the first episode of a site."""
    page.locator('a[href^="/episode/"]').first.click()


def an_event(page: Page) -> None:
    """Go on to the first episode of a site, and to the first event in it."""
    an_episode(page)
    page.locator('a[href^="/event/"]').first.click()


def a_disturbance(page: Page) -> None:
    """Fill in what somebody tells."""
    page.get_by_label("Var?").select_option(label="Ekskolan")
    page.get_by_label("Fort körning").check()


def days_in_swedish(page: Page) -> None:
    """Let fields for days show them as a Swedish browser does; Debian's has no other languages."""
    page.locator("input[type=date]").evaluate_all("all => all.forEach(one => one.type = 'text')")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """A picture.

    Attributes
    ----------
    name : str
        Of its files in ``docs/images``; one of a phone ends with ``-telefon``.
    role, address : Role and str
        Who looks at which page.
    height : int
        Of the window, in the page's pixels.
    steps : callable
        What is done on the page before.
    """

    name: str
    role: Role
    address: str
    height: int
    steps: Callable[[Page], None] = nothing

    @property
    def size(self) -> str:
        """The window it is seen in."""
        return "phone" if self.name.endswith("-telefon") else "desktop"


SHOTS: Final = (
    Shot(name="lagesbild", role=Role.POLICE, address="/briefing", height=860),
    Shot(name="lagesbild-telefon", role=Role.POLICE, address="/briefing", height=800),
    Shot(name="insatser-telefon", role=Role.POLICE, address="/patrols", height=880),
    Shot(
        name="episod-telefon", role=Role.POLICE, address="/site/ekskolan", height=760,
        steps=an_episode,
    ),
    Shot(
        name="handelse-telefon", role=Role.POLICE, address="/site/ekskolan", height=1000,
        steps=an_event,
    ),
    Shot(name="matplats", role=Role.MUNICIPALITY, address="/site/ekskolan", height=1000),
    Shot(name="effekt-telefon", role=Role.MUNICIPALITY, address="/effect/ekskolan", height=1090),
    Shot(
        name="matunderlag-telefon", role=Role.MUNICIPALITY, address="/evidence", height=1090,
        steps=days_in_swedish,
    ),
    Shot(
        name="storningslogg-telefon", role=Role.MUNICIPALITY, address="/disturbances", height=960,
        steps=a_disturbance,
    ),
    Shot(name="matnoder-telefon", role=Role.TECHNICIAN, address="/fleet", height=830),
)  # fmt: skip
