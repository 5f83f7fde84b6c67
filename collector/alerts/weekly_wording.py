"""What the weekly mail says: plain text, short enough for a phone, the most urgent first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from collector.alerts.alert import as_alert
from collector.alerts.weekly import Digest, Need
from collector.alerts.wording import Wording

_MOST_NEEDS: Final = 12
_MOST_SITES: Final = 12


def weekly_mail(digest: Digest, words: Wording, now: datetime) -> tuple[str, str]:
    """Return title and body of the mail."""
    week = now.astimezone(words.zone).isocalendar().week
    count = len(digest.needs)
    key = "none" if count == 0 else "one" if count == 1 else "many"
    title = words.text(f"weekly.title_{key}", week=week, count=count)
    parts = [
        list(_late(digest, words)),
        list(_state(digest, words)),
        list(_needs(digest, words, now)),
        list(_changes(digest, words)),
        list(_measured(digest, words)),
        list(_end(digest, words)),
    ]
    if digest.simulated:
        title = words.text("title.simulated", title=title)
    return title, "\n\n".join("\n".join(lines) for lines in parts if lines)


def _late(digest: Digest, words: Wording) -> Iterator[str]:
    if digest.late_since is not None:
        day, clock = words.day_and_clock(digest.late_since)
        yield words.text("weekly.late", day=day, clock=clock)


def _state(digest: Digest, words: Wording) -> Iterator[str]:
    if digest.nodes == 0:
        yield words.text("weekly.no_nodes")
        return
    text = words.text("weekly.online", online=digest.online, nodes=digest.nodes)
    if digest.connected_share is not None:
        share = words.percent(digest.connected_share)
        if digest.connected_before is None:
            text += " " + words.text("weekly.connected", share=share)
        else:
            before = words.percent(digest.connected_before)
            text += " " + words.text("weekly.connected_before", share=share, before=before)
    yield text


def _needs(digest: Digest, words: Wording, now: datetime) -> Iterator[str]:
    if not digest.needs:
        yield words.text("weekly.nothing")
        return
    yield words.text("weekly.needs")
    for number, one in enumerate(digest.needs[:_MOST_NEEDS], start=1):
        is_new = Need(one.kind, one.subject) in digest.new
        mark = words.text("weekly.new") + " " if is_new else ""
        yield f"{number}. {mark}{words.line(as_alert(one, now), now)}"
    if len(digest.needs) > _MOST_NEEDS:
        yield words.text("weekly.more", count=len(digest.needs) - _MOST_NEEDS)


def _changes(digest: Digest, words: Wording) -> Iterator[str]:
    if digest.last_at is None:
        return
    day, _ = words.day_and_clock(digest.last_at)
    new, solved = len(digest.new), len(digest.solved)
    if not new and not solved:
        yield words.text("weekly.unchanged", day=day)
        return
    yield words.text("weekly.changed", day=day, new=new, solved=solved)
    for one, alert in list(digest.solved.items())[:_MOST_NEEDS]:
        yield words.over(alert) if alert else words.solved(one.kind, one.subject)


def _measured(digest: Digest, words: Wording) -> Iterator[str]:
    if not digest.measured:
        return
    yield words.text("weekly.measured")
    shown = list(digest.measured.items())[:_MOST_SITES]
    for site, share in shown:
        yield f"{words.site_name(site)}: {words.percent(share)}"
    if len(digest.measured) > len(shown):
        least = words.percent(shown[-1][1])
        count = len(digest.measured) - len(shown)
        yield words.text("weekly.more_measured", count=count, least=least)


def _end(digest: Digest, words: Wording) -> Iterator[str]:
    if digest.not_compared:
        key = "weekly.not_compared_one" if digest.not_compared == 1 else "weekly.not_compared_many"
        yield words.text(key, count=digest.not_compared)
    if words.base_url is not None:
        yield f"{words.base_url.rstrip('/')}/fleet"
    if digest.simulated:
        yield words.text("weekly.simulated")
