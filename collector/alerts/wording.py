"""What alerts say, in Swedish and English: short enough for a text message, and complete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from functools import cache
from importlib.resources import files
from math import floor
from typing import Any, Final, Literal, TypeAlias

from collector.alert_config import AlertKind, Recipient
from collector.alerts.alert import Alert, Phase
from collector.registry.inventory import Site
from collector.registry.wishes import CONFIGURATION
from collector.writing import NO_BREAK, Code, Writing

State: TypeAlias = Literal["began", "ended", "past"]

_OF_SITES: Final = frozenset[AlertKind]({"episode", "night_level"})


@dataclass(frozen=True, slots=True)
class Wording:
    """How things are said to one recipient.

    Parameters
    ----------
    language : {"sv", "en"}
    zone : tzinfo
        In whose time.
    sites : mapping
        Sites by id.
    base_url : str, optional
        Where the pages are; without it no link is given.
    """

    language: Code
    zone: tzinfo
    sites: Mapping[str, Site]
    base_url: str | None = None

    def message(
        self, alerts: Sequence[tuple[Alert, frozenset[Phase]]], now: datetime
    ) -> tuple[str, str]:
        """Return title and body of a message about alerts of one kind and origin.

        Each comes with what of it is to be told: that it began, that it ended, or both.
        """
        states = [(alert, _state(alert, phases)) for alert, phases in alerts]
        lines = [_sentence(self._line(alert, state, now)) for alert, state in states]
        lines += self._links([alert for alert, _ in states])
        kind, simulated = states[0][0].kind, states[0][0].simulated
        if kind == "episode":
            lines.append(self._text("note.statistics"))
        title = self._title(states)
        if simulated:
            lines.append(self._text("note.simulated"))
            title = self._text("title.simulated", title=title)
        return title, "\n".join(lines)

    def test(self, recipient: Recipient, kinds: Sequence[AlertKind]) -> tuple[str, str]:
        """Return title and body of a test."""
        told = ", ".join(self._text(f"kind.{kind}") for kind in kinds)
        body = [self._text("note.test", recipient=recipient.name, kinds=told)]
        body += [self.base_url] if self.base_url else []
        return self._text("title.test"), "\n".join(body)

    def line(self, alert: Alert, now: datetime, *, with_place: bool = True) -> str:
        """Return the sentence about an alert that goes on, with or without where it is."""
        told = self._line(alert, "began", now)
        if not with_place:
            told = told.removeprefix(
                self._text("note.place", site=self._site(alert), node=alert.node)
            )
        return _sentence(told)

    def over(self, alert: Alert) -> str:
        """Return the sentence about an alert that is over."""
        key, name = f"{alert.kind}.ended_one", self._name(alert)
        if self._writing.has(key):
            return _sentence(self._text(key, name=name) + ".")
        return self.solved(alert.kind, name)

    def solved(self, kind: AlertKind, name: str) -> str:
        """Return the sentence about a condition of that kind that holds no more."""
        return self._text("weekly.solved", name=name, kind=self._text(f"kind.{kind}"))

    def text(self, key: str, **values: object) -> str:
        """Return a text by its key, with `values` put in."""
        return self._text(key, **values)

    def percent(self, part: float) -> str:
        """A part of one in per cent, rounded down: never better than it is."""
        return self._writing.percent(floor(100 * part + 1e-9) / 100)

    def site_name(self, site: str) -> str:
        """Name of a site by its id."""
        known = self.sites.get(site)
        return known.name if known else site

    def day_and_clock(self, at: datetime) -> tuple[str, str]:
        """A local day such as ``23 november``, and the clock."""
        local = at.astimezone(self.zone)
        return f"{local.day} {self._writing.month(local)}", self._clock(at)

    def _title(self, states: Sequence[tuple[Alert, State]]) -> str:
        # What goes on matters most; what is over is in the lines.
        order: tuple[State, ...] = ("began", "past", "ended")
        state = next(one for one in order if any(of == one for _, of in states))
        chosen = [alert for alert, of in states if of == state]
        key = f"{chosen[0].kind}.{state}"
        if len(chosen) > 1:
            return self._text(f"{key}_many", count=len(chosen))
        return _sentence(self._text(f"{key}_one", name=self._name(chosen[0])))

    def _name(self, alert: Alert) -> str:
        if alert.kind == "server":
            return self._part(alert)
        if alert.kind == "certificate":
            return self._text(f"certificate.{alert.facts['holder']}")
        if alert.kind in _OF_SITES:
            return self._site(alert)
        if alert.kind == "update" and alert.node is None:
            return self._release(alert.facts["version"])
        if alert.node is not None:
            return f"{alert.node} ({self._site(alert)})"
        return self._text("disk.server", server=alert.told_by)

    def _site(self, alert: Alert) -> str:
        return self.site_name(str(alert.site))

    def _line(self, alert: Alert, state: State, now: datetime) -> str:
        facts = alert.facts
        over = state != "began" and self._writing.has(f"{alert.kind}.ended")
        since, end = alert.since, alert.ended_at or now
        if "start" in facts:
            since = datetime.fromisoformat(facts["start"])
        if "end" in facts:
            end = datetime.fromisoformat(facts["end"])
        values: dict[str, Any] = {
            "site": self._site(alert),
            "node": alert.node,
            "since": self._moment(since, now),
            "end": self._clock(end),
            **self._details(alert, now),
        }
        return self._text(f"{alert.kind}.{'ended' if over else 'began'}", **values)

    def _details(self, alert: Alert, now: datetime) -> Mapping[str, str]:
        facts = alert.facts
        details: Mapping[str, str] = {}
        match alert.kind:
            case "episode":
                details = {"detail": self._episode(facts)}
            case "night_level":
                details = self._night_level(facts)
            case "drift":
                details = self._drift(facts)
            case "disk":
                free, limit = str(facts["free_mb"]), f"{facts['limit_mb']:.0f}"
                details = {"where": self._where(alert), "free": free, "limit": limit}
            case "outbox":
                details = {"waits": self._waits(facts)}
            case "server":
                details = {"part": self._part(alert)}
            case "update":
                details = {"detail": self._update(alert)}
            case "certificate":
                details = self._certificate(facts, now)
            case "node_silent":
                pass
            case _:
                details = {"state": self._told(alert.kind, facts, now)}
        return details

    def _night_level(self, facts: Mapping[str, Any]) -> dict[str, str]:
        return {
            "laeq": self._level(facts["laeq_db"]),
            "limit": self._level(facts["limit_db"]),
            "measured": str(int(facts["measured_s"] // 60)),
            "whole": str(round(facts["whole_s"] / 60)),
        }

    def _episode(self, facts: Mapping[str, Any]) -> str:
        passes = facts["passes"]
        key = "episode.passes_one" if passes == 1 else "episode.passes_many"
        told = [self._text(key, count=passes)]
        for reason in facts["reasons"]:
            numbers = {name: f"{value:.0f}" for name, value in reason["numbers"].items()}
            told.append(self._text(f"episode.{reason['code']}", **numbers))
        sentences = ["; ".join(told) + "."]
        sentences.append(self._text("episode.level", lafmax=self._level(facts["lafmax_db"])))
        if facts["speed_kmh"] is None:
            sentences.append(self._text("episode.speed_none"))
        else:
            speed, low, high = (f"{value:.0f}" for value in facts["speed_kmh"])
            sentences.append(self._text("episode.speed", speed=speed, low=low, high=high))
        return " ".join(sentences)

    def _calibration(self, facts: Mapping[str, Any], now: datetime) -> str:
        state, due = facts["state"], facts["due"]
        if state != "due":
            return self._text(f"calibration_due.{state}")
        at = datetime.fromisoformat(due)
        key = "due" if at > now else "overdue"
        return self._text(f"calibration_due.{key}", due=self._writing.day(at.astimezone(self.zone)))

    def _told(self, kind: AlertKind, facts: Mapping[str, Any], now: datetime) -> str:
        """The state that a node told, with the numbers that go with it."""
        if kind == "calibration_due":
            return self._calibration(facts, now)
        numbers = {
            "errors": str(facts.get("errors", "")),
            "worn": f"{100 * facts.get('worn_share', 0.0):.0f}",
            "gb": self._writing.number(facts.get("gb_a_day", 0.0)),
            "used": f"{100 * facts.get('used_share', 0.0):.0f}",
            "days": str(facts.get("days", "")),
            "seconds": self._writing.number(facts.get("offset_s", 0.0)),
        }
        return self._text(f"{kind}.{facts['state']}", **numbers)

    def _waits(self, facts: Mapping[str, Any]) -> str:
        if facts["hours"] is None:
            return self._text("outbox.messages", count=facts["messages"])
        return self._text("outbox.hours", count=facts["messages"], hours=facts["hours"])

    def _drift(self, facts: Mapping[str, Any]) -> dict[str, str]:
        change, low, high = (facts[name] for name in ("change_db", "low_db", "high_db"))
        # The interval of a fall is told as that of its size, as people say it.
        smallest, largest = sorted((abs(low), abs(high)))
        return {
            "change": self._writing.number(abs(change)),
            "low": self._writing.number(smallest),
            "high": self._writing.number(largest),
            "direction": self._text("drift.quieter" if change < 0 else "drift.louder"),
            "night": self._night(facts["since"]),
            "between": self._between(facts["since_low"], facts["since_high"]),
            "neighbours": str(facts["neighbours"]),
        }

    def _between(self, first: str, last: str) -> str:
        if first == last:
            return ""
        return self._text("drift.between", first=self._night(first), last=self._night(last))

    def _night(self, text: str) -> str:
        day = date.fromisoformat(text)
        return f"{day.day} {self._writing.month(day)}"

    def _where(self, alert: Alert) -> str:
        if alert.node is None:
            return self._text("disk.server", server=alert.told_by)
        return self._text("disk.node", site=self._site(alert), node=alert.node)

    def _part(self, alert: Alert) -> str:
        part = alert.facts["part"]
        key = f"server.part_{part}"
        return self._text(key if self._writing.has(key) else "server.part_other", part=part)

    def _update(self, alert: Alert) -> str:
        facts = alert.facts
        if facts["own"]:
            where = self._text("note.place", site=self._site(alert), node=alert.node)
            return where + self._text("update.own", outcome=self._outcome(facts))
        failed = "; ".join(f"{one['node']} {self._outcome(one)}" for one in facts["failed"])
        release = self._release(facts["version"])
        counts = {"working": facts["working"], "nodes": facts["nodes"]}
        return self._text("update.stopped", release=release, failed=failed, **counts)

    def _release(self, version: str) -> str:
        if version == CONFIGURATION:
            return self._text("update.configuration")
        return self._text("update.release", version=version)

    def _outcome(self, facts: Mapping[str, Any]) -> str:
        key = f"update.{facts['outcome']}"
        return (
            self._text(key)
            if not facts["reason"]
            else self._text("update.because", outcome=self._text(key), reason=facts["reason"])
        )

    def _certificate(self, facts: Mapping[str, Any], now: datetime) -> dict[str, str]:
        ends = datetime.fromisoformat(facts["ends"])
        day = self._writing.day(ends.astimezone(self.zone))
        key = "ends" if ends > now else "over"
        return {
            "whose": self._text(f"certificate.{facts['holder']}"),
            "state": self._text(f"certificate.{key}", day=day),
            "advice": self._text(f"certificate.do_{facts['holder']}"),
        }

    def _links(self, alerts: Sequence[Alert]) -> list[str]:
        if self.base_url is None:
            return []
        sites = sorted({alert.site for alert in alerts if alert.site is not None})
        return [f"{self.base_url.rstrip('/')}/site/{site}" for site in sites]

    def _moment(self, at: datetime, now: datetime) -> str:
        local = at.astimezone(self.zone)
        if local.date() == now.astimezone(self.zone).date():
            return self._clock(at)
        month = self._writing.month(local)
        return self._text("calendar.day_at", day=local.day, month=month, clock=self._clock(at))

    def _clock(self, at: datetime) -> str:
        return self._writing.clock(at.astimezone(self.zone))

    def _level(self, level_db: float) -> str:
        return f"{self._writing.number(level_db)}{NO_BREAK}dB(A)"

    def _text(self, key: str, **values: object) -> str:
        return self._writing.text(key, **values)

    @property
    def _writing(self) -> Writing:
        return writing_in(self.language)


def _state(alert: Alert, phases: frozenset[Phase]) -> State:
    if "began" not in phases:
        return "ended"
    return "began" if alert.ended_at is None else "past"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


@cache
def writing_in(language: Code) -> Writing:
    """Return a language with the texts of alerts, by keys such as ``episode.began``."""
    return Writing(language, [files(__package__) / "texts" / f"{language}.toml"])
