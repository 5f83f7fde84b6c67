"""Each node's chain within a summary: what is there, what is missing, what does not fit."""

from __future__ import annotations

from dataclasses import dataclass, field

from collector.analysis.stretches import Stretch, Stretches, hashes_in, stretches_in
from collector.evidence import excerpt
from collector.evidence.figures.report import ChainFigures
from collector.evidence.lines import Held
from sensor.contract.messages import Absence

_MOST_TOLD = 50


@dataclass(slots=True)
class _Gap:
    """Numbers between two messages; `prev` is what the later one names as before it."""

    first: int
    last: int
    prev: str


@dataclass(slots=True)
class ChainWalk:
    """One node's messages in order of number, some outside the run that is claimed to be whole."""

    node: excerpt.Node
    accepted: tuple[Stretch, ...] = ()
    messages: int = 0
    pruned: int = 0
    outside: int = 0
    breaks: list[int] = field(default_factory=list)
    _seq: int = 0
    _sha256: str = ""
    _gaps: list[_Gap] = field(default_factory=list)
    _told: dict[str, list[Stretch]] = field(default_factory=dict)
    _hashes: dict[int, str] = field(default_factory=dict)

    def add(self, one: Held) -> None:
        """Take the next message."""
        if isinstance(one.message, Absence):
            self._told.setdefault(one.message.reason, []).extend(stretches_in(one.message))
            self._hashes |= hashes_in(one.message)
        if not self.node.first_seq <= one.seq <= self.node.last_seq:
            self.outside += 1
        else:
            self._walk(one)
        self._seq, self._sha256 = one.seq, one.sha256

    def _walk(self, one: Held) -> None:
        self.messages += 1
        self.pruned += one.message is None
        # What lies outside may be its neighbour all the same.
        if one.seq == self._seq + 1 and self._seq:
            if one.prev != self._sha256:
                self.breaks.append(one.seq)
            return
        first = max(self._seq + 1, self.node.first_seq)
        if first < one.seq:
            self._gaps.append(_Gap(first, one.seq - 1, one.prev))

    def figures(self) -> ChainFigures:
        """Return what was found, once all messages were added."""
        if self._seq < self.node.last_seq:
            self._gaps.append(_Gap(max(self._seq + 1, self.node.first_seq), self.node.last_seq, ""))
        for gap in self._gaps:
            told = self._hashes.get(gap.last)
            if gap.prev and told is not None and told != gap.prev:
                self.breaks.append(gap.last + 1)
        counts, rest = {}, [(gap.first, gap.last) for gap in self._gaps]
        known = {
            "thinned": self._told.get("thinned", []),
            "lost": self._told.get("lost", []),
            "accepted": list(self.accepted),
        }
        for reason, stretches in known.items():
            left = [part for one in rest for part in Stretches(stretches).without(*one)]
            counts[reason] = _count(rest) - _count(left)
            rest = left
        return ChainFigures(
            node=self.node.id,
            first_seq=self.node.first_seq,
            last_seq=self.node.last_seq,
            messages=self.messages,
            pruned=self.pruned,
            outside=self.outside,
            thinned=counts["thinned"],
            lost=counts["lost"],
            accepted=counts["accepted"],
            missing=_count(rest),
            missing_seqs=tuple(rest[:_MOST_TOLD]),
            broken=len(self.breaks),
            breaks=tuple(sorted(self.breaks)[:_MOST_TOLD]),
        )


def _count(stretches: list[Stretch]) -> int:
    return sum(last - first + 1 for first, last in stretches)
