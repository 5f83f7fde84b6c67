"""What was found, in plain words and as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from collector.evidence.language import Language
from collector.evidence.verify.findings import Check, Remark, Verdict


def described(verdict: Verdict, path: str, words: Language) -> list[str]:
    """Return the lines that people read."""
    lines = [words.text("verify.heading", path=path), ""]
    for check in verdict.checks:
        state = words.text(f"verify.{_state(check, verdict)}")
        lines.append(f"{words.text(f'checks.{check.name}')}: {state}")
        lines += [f"  ! {sentence(remark, words)}" for remark in check.faults]
        if check.count > len(check.faults):
            more = words.text("verify.more", count=check.count - len(check.faults))
            lines.append(f"  ! {more}")
        lines += [f"    {sentence(remark, words)}" for remark in check.notes]
    key = "altered"
    if verdict.holds:
        key = "all_hold" if verdict.identity else "all_hold_unknown"
    return [*lines, "", words.text(f"verify.{key}")]


def _state(check: Check, verdict: Verdict) -> str:
    if check.count:
        return "fails"
    if check.name == "exporter" and not verdict.identity:
        return "unknown"
    return "holds"


def sentence(remark: Remark, words: Language) -> str:
    """Return what a remark says."""
    values = {name: _value(value, words) for name, value in remark.values.items()}
    return words.text(f"remarks.{remark.key}", **values)


def _value(value: Any, words: Language) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return words.number(value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(value))


def as_dict(verdict: Verdict, words: Language) -> dict[str, Any]:
    """Return the same for programs; codes are the same in every language."""
    return {
        "holds": verdict.holds,
        "exporter_established": verdict.identity,
        "checks": [
            {
                "name": check.name,
                "holds": check.holds,
                "faults": [_remark(remark, words) for remark in check.faults],
                "faults_in_all": check.count,
                "notes": [_remark(remark, words) for remark in check.notes],
            }
            for check in verdict.checks
        ],
    }


def _remark(remark: Remark, words: Language) -> dict[str, Any]:
    return {"code": remark.key, "values": remark.values, "text": sentence(remark, words)}
