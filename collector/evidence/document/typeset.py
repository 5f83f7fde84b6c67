"""Sections and drawings set as a tagged PDF/A-3b, with places for the files within."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final

import msgspec

from collector.evidence import excerpt, pdf_file
from collector.evidence.document.answer import answer, question
from collector.evidence.document.drawings import drawings
from collector.evidence.document.sections.closing import (
    checking_section,
    limitations_section,
    method_section,
)
from collector.evidence.document.sections.coverage import coverage_section
from collector.evidence.document.sections.equipment import equipment_section
from collector.evidence.document.sections.place import site_section
from collector.evidence.document.sections.results import levels_section, results_section
from collector.evidence.document.sections.speeds import speeds_section, worst_section
from collector.evidence.document.sketch import sketch, trace
from collector.evidence.document.writer import Writer
from collector.evidence.errors import EvidenceError
from collector.evidence.figures.evaluation import Evaluated
from collector.evidence.language import language
from collector.evidence.manifest import INNER_SEAL, Authority, Head

_TYPES: Final = {
    "csv": "text/csv",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "pem": "application/x-pem-file",
}


def typeset(
    evaluated: Evaluated,
    registry: excerpt.Excerpt,
    authority: Authority,
    heads: Sequence[Head],
    facts: Mapping[str, str],
    as_of: datetime,
    attached: Sequence[str],
) -> bytes:
    """Return the document; each of `attached` has its mark (:func:`.pdf_file.mark`) within.

    Parameters
    ----------
    facts : mapping
        What the last section quotes: the software, and hashes by name.
    """
    words = language(evaluated.report.request.language)
    writer = Writer(evaluated.report, registry, words)
    charts = drawings(evaluated, registry, words)
    data = _data(writer, authority, heads, facts, as_of, attached)
    data["charts"] = {name: f"{name}.svg" for name in charts}
    project: dict[str, bytes] = {
        "main.typ": (files(__package__) / "summary.typ").read_bytes(),
        "data.json": msgspec.json.encode(data),
        **{f"{name}.svg": svg for name, svg in charts.items()},
        **_sketches(writer),
    }
    for number, one in enumerate(evaluated.report.worst):
        project[f"trace{number}.svg"] = trace(one.trace_lafmax_db).encode()
    return compiled(project, "a-3b", as_of)


def typeset_method(told: Mapping[str, Any]) -> bytes:
    """Return the uncertainty budgets of a site as a document (PDF/A-2b).

    Parameters
    ----------
    told : mapping
        As :func:`collector.evidence.method.described` gives it.
    """
    project = {
        "main.typ": (files(__package__) / "method.typ").read_bytes(),
        "data.json": msgspec.json.encode(told),
    }
    year, month, day = told["date"]
    return compiled(project, "a-2b", datetime(year, month, day, tzinfo=UTC))


def compiled(project: Mapping[str, bytes], standard: str, as_of: datetime) -> bytes:
    """Return what Typst makes of a project, to a standard of PDF/A."""
    # Loaded here: it is large, and only documents need it.
    import typst  # noqa: PLC0415

    compiler: Any = typst.compile
    try:
        pdf: bytes = compiler(
            dict(project),
            pdf_standards=[standard],
            ignore_system_fonts=True,
            timestamp=int(as_of.timestamp()),
        )
    except typst.TypstError as error:
        raise EvidenceError(f"the document cannot be set: {error}") from error
    return pdf


def _data(
    writer: Writer,
    authority: Authority,
    heads: Sequence[Head],
    facts: Mapping[str, str],
    as_of: datetime,
    attached: Sequence[str],
) -> dict[str, Any]:
    words, report = writer.words, writer.report
    site = writer.registry.site
    shown = {"authority": authority.name, "fingerprint": authority.fingerprint, **facts}
    return {
        "lang": words.code,
        "kind": words.text("document.kind"),
        "title": words.text("document.title", site=site.name, period=writer.period()),
        "site_name": site.name,
        "municipality": site.municipality,
        "period": writer.period(),
        "by": words.text("document.by", authority=authority.name, as_of=writer.moment(as_of)),
        "author": authority.name,
        "date": [as_of.year, as_of.month, as_of.day, as_of.hour, as_of.minute, as_of.second],
        "simulated": words.text("document.simulated") if report.simulated else "",
        "footer": words.text("document.footer"),
        "page": words.text("document.page"),
        "of": words.text("document.of"),
        "question_title": words.text("document.question"),
        "question": question(writer),
        "answer_title": words.text("document.answer"),
        "answer": answer(writer),
        "tiles": _tiles(writer),
        "sketch": words.text("site.sketch"),
        "sketch_alt": words.text("site.sketch_alt"),
        "sketches": sorted(_sketches(writer)),
        "site": site_section(writer),
        "equipment": equipment_section(writer),
        "coverage": coverage_section(writer),
        "results": results_section(writer),
        "levels": levels_section(writer),
        "speeds": speeds_section(writer),
        "worst": worst_section(writer),
        "method": method_section(writer),
        "limitations": limitations_section(writer),
        "checking": checking_section(
            writer, shown, [(head.node, head.highest_seq, head.head_sha256) for head in heads]
        ),
        "attached": attachments(attached),
    }


def attachments(names: Sequence[str]) -> list[dict[str, str]]:
    """Return the files within a document, each with its mark, and last the place of its seal."""
    return [
        {
            "name": name,
            "mark": pdf_file.mark(number),
            "type": _TYPES[name.rpartition(".")[2]],
            "relationship": "supplement" if name == INNER_SEAL else _relationship(name),
        }
        for number, name in enumerate([*names, INNER_SEAL])
    ]


def _relationship(name: str) -> str:
    return "source" if name == "messages.jsonl" else "data"


def _tiles(writer: Writer) -> list[list[str]]:
    words, report = writer.words, writer.report
    coverage, over = report.coverage, report.speeds_all.over_limit
    share = "–" if not over.of else words.percent(over.count / over.of)
    hours = f"{writer.hours(coverage.measured_s)} {words.text('document.hours_unit')}"
    return [
        [hours, words.text("document.tile_measured", asked=writer.hours(coverage.asked_s))],
        [words.count(report.counts.passes), words.text("document.tile_passes")],
        [words.count(report.episodes.count), words.text("document.tile_episodes")],
        [share, words.text("document.tile_over")],
    ]


def _sketches(writer: Writer) -> dict[str, bytes]:
    """One a node, of where it hung last."""
    found = {}
    for node in writer.registry.nodes:
        here = [place for place in node.placements if place.site == writer.registry.site.id]
        if here:
            svg = sketch(here[-1].mounting, writer.words)
            found[f"sketch-{node.id}.svg"] = svg.encode()
    return found
