"""How much was measured, and what casts doubt on it."""

from __future__ import annotations

from collector.evidence.document.writer import Section, Writer
from collector.evidence.figures import report as figures
from collector.writing import NO_BREAK


def coverage_section(writer: Writer) -> Section:
    """How much was measured, and what casts doubt on it."""
    words, coverage = writer.words, writer.report.coverage
    share = coverage.measured_s / coverage.asked_s
    lines = [
        words.text(
            "coverage.summary",
            measured=writer.hours(coverage.measured_s, 1),
            asked=writer.hours(coverage.asked_s),
            share=words.percent(share, 1),
        ),
        _gaps(writer),
        _excluded(writer),
    ]
    if writer.report.counts.excluded:
        reasons = [
            words.text(
                "coverage.excluded_events_one",
                count=count,
                reason=words.name("exclusions", reason),
            )
            for reason, count in writer.report.counts.excluded.items()
        ]
        lines.append(words.text("coverage.excluded_events", reasons=", ".join(reasons)))
    lines += [_clock(writer, node) for node in coverage.nodes]
    lines += [
        words.text("coverage.microphone_faults", node=n.node, count=n.microphone_faults)
        for n in coverage.nodes
        if n.microphone_faults
    ]
    lines += [_chain(writer, chain) for chain in writer.report.chains]
    return {
        "title": words.text("coverage.title"),
        "explain": words.text("coverage.explain"),
        "alt": words.text("coverage.alt"),
        "lines": lines,
    }


def _gaps(writer: Writer) -> str:
    gaps = writer.report.coverage.gaps
    if not gaps:
        return writer.words.text("coverage.gaps_none")
    longest = max(gaps, key=lambda gap: gap.end - gap.start)
    return writer.words.text(
        "coverage.gaps",
        count=len(gaps),
        longest=writer.hours((longest.end - longest.start).total_seconds()),
        when=writer.moment(longest.start),
    )


def _excluded(writer: Writer) -> str:
    words = writer.words
    sums: dict[str, float] = {}
    for node in writer.report.coverage.nodes:
        for reason, seconds in node.excluded_s.items():
            sums[reason] = sums.get(reason, 0.0) + seconds
    if not sums:
        return words.text("coverage.excluded_none")
    reasons = [
        words.text(
            "coverage.excluded_one",
            hours=writer.hours(seconds, 1),
            reason=words.name("exclusions", reason),
        )
        for reason, seconds in sorted(sums.items(), key=lambda one: -one[1])
    ]
    return words.text("coverage.excluded", reasons=", ".join(reasons))


def _clock(writer: Writer, node: figures.NodeFigures) -> str:
    words = writer.words
    if not node.health_messages:
        return words.text("coverage.clock_none", node=node.node)
    offset = node.largest_clock_offset_s
    told = (
        words.text("coverage.clock_offset_none")
        if offset is None
        else f"{words.number(offset, 3)}{NO_BREAK}s"
    )
    return words.text(
        "coverage.clock",
        node=node.node,
        health=words.count(node.health_messages),
        unsure=node.unsynchronised,
        offset=told,
    )


def _chain(writer: Writer, chain: figures.ChainFigures) -> str:
    words = writer.words
    if not chain.last_seq:
        return words.text("coverage.chain_none", node=chain.node)
    counts = {
        "missing": chain.missing,
        "broken": chain.broken,
        "pruned": chain.pruned,
        "thinned": chain.thinned,
        "lost": chain.lost,
        "accepted": chain.accepted,
    }
    rest = "".join(
        words.text(f"coverage.chain_{name}", count=words.count(count))
        for name, count in counts.items()
        if count
    )
    return words.text(
        "coverage.chain",
        node=chain.node,
        first=words.count(chain.first_seq),
        last=words.count(chain.last_seq),
        messages=words.count(chain.messages),
        rest=rest or words.text("coverage.chain_whole"),
    )
