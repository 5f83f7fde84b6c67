"""The pictures in the documentation: of which page each is, and what is to be seen on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from playwright.sync_api import Page, expect

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


def a_commissioning(page: Page) -> None:
    """Come in with the code, and begin."""
    page.get_by_role("button", name="Öppna").click()
    page.get_by_label("Namn").fill("Cilla Berg")
    page.get_by_label("Arbetsgivare").fill("Havsbro kommun")
    page.get_by_role("button", name="Börja", exact=True).click()
    expect(page.locator("#begin-told")).to_contain_text("Cilla Berg")
    expect(page.locator("#channels li").last).to_contain_text("dB(A)", timeout=30_000)
    page.locator("#step-order summary").first.click()


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
    role, address : Role or None, and str
        Who looks at which page; without a role it is a technician, at a node's own page.
    height : int
        Of the window, in the page's pixels.
    steps : callable
        What is done on the page before.
    """

    name: str
    role: Role | None
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
    Shot(
        name="driftsattning-telefon", role=None, address="/", height=1130, steps=a_commissioning
    ),
    Shot(name="matnoder-telefon", role=Role.TECHNICIAN, address="/fleet", height=830),
    Shot(name="matnod-telefon", role=Role.TECHNICIAN, address="/fleet/ekskolan-1", height=1000),
)  # fmt: skip
