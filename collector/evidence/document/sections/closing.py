"""How it was measured, what it may be used for, and how to check it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from collector.evidence.document.writer import Section, Writer
from collector.evidence.uncertainty import level_budget


def method_section(writer: Writer) -> Section:
    """How it was measured, and what that may be used for."""
    words = writer.words
    parts = level_budget(writer.registry).contributions
    values = {
        "contributions": ", ".join(words.number(one.standard) for one in parts),
        "names": ", ".join(words.text(f"method.{one.name}") for one in parts),
        "u95": words.number(writer.report.level_u95_db),
    }
    return {
        "title": words.text("method.title"),
        "lines": [line.format(**values) for line in words.texts("method.lines")],
    }


def limitations_section(writer: Writer) -> Section:
    """What the summary may and may not be used for."""
    words = writer.words
    return {
        "title": words.text("limitations.title"),
        "may_title": words.text("limitations.may_title"),
        "may": words.texts("limitations.may"),
        "not_title": words.text("limitations.not_title"),
        "not": words.texts("limitations.not"),
    }


def checking_section(
    writer: Writer, facts: Mapping[str, str], heads: Sequence[tuple[str, int, str]]
) -> Section:
    """How to check it; `facts` are the values by name, `heads` the ledger's state by node."""
    words = writer.words
    rows = [(words.text(f"checking.{name}"), value) for name, value in facts.items()]
    for node, seq, sha256 in heads:
        value = words.text("checking.node_head_value", seq=words.count(seq), sha256=sha256)
        rows.append((words.text("checking.node_head", node=writer.node_name(node)), value))
    return {
        "title": words.text("checking.title"),
        "intro": words.text("checking.intro"),
        "steps": words.texts("checking.steps"),
        "rows": rows,
    }
