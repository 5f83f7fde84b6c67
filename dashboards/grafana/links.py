"""Addresses of dashboards, with what is chosen there; all relative, so that they hold anywhere."""

from __future__ import annotations

from typing import Final

from dashboards.grafana.words import Words

NAMES: Final = ("overview", "patterns", "site", "effect", "fleet")
"""The dashboards, in the order in which they are listed."""


def uid(name: str, words: Words) -> str:
    """The dashboard's lasting id; Swedish ones have the plain names."""
    return f"skolro-{name}" if words.code == "sv" else f"skolro-{name}-{words.code}"


def to_site(words: Words, site: str) -> str:
    """The dashboard of a site, for the same time."""
    return f"/d/{uid('site', words)}?var-site={site}&${{origin:queryparam}}&${{__url_time_range}}"


def to_stretch(words: Words, site: str, start_ms: str, end_ms: str) -> str:
    """The dashboard of a site, for as long as something lasted there."""
    return (
        f"/d/{uid('site', words)}?var-site={site}&${{origin:queryparam}}"
        f"&from={start_ms}&to={end_ms}"
    )


def to_hour(words: Words, weekday: int, hour: str) -> str:
    """The events of an hour of the week, over the weeks that its rate rests on."""
    chosen = "&".join(f"${{{name}:queryparam}}" for name in
                      ("municipality", "site", "source", "origin", "weeks"))  # fmt: skip
    return (
        f"/d/{uid('patterns', words)}?{chosen}&var-weekday={weekday}&var-hour={hour}"
        "&from=now-${weeks:raw}w&to=now"
    )
