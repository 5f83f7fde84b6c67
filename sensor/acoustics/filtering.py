"""Recursive filters as products of matrices.

A recursive filter is slow in an interpreter, and compiled ones come with libraries that cost a
small computer seconds at start and tens of megabytes. Cut into blocks, a linear filter is a
product of each block with a triangular matrix (what the block itself answers) plus one of the
state at its beginning (what is left of all blocks before); the states follow each other by a power
of the state matrix, summed up five by five (block state realisation: Burrus 1972; Barnes and
Shinnaka 1980). Up to rounding, the output is that of the recursion itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

BLOCK: Final = 48
GROUP: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """A digital filter as coefficients of rising powers of the delay."""

    numerator: Array
    denominator: Array

    def response(self, frequency_hz: ArrayLike, sample_rate: int) -> NDArray[np.complex128]:
        """Complex frequency response."""
        delay = np.exp(-2j * np.pi * np.asarray(frequency_hz) / sample_rate)
        numerator = np.polyval(self.numerator[::-1], delay)
        denominator = np.polyval(self.denominator[::-1], delay)
        ratio: NDArray[np.complex128] = numerator / denominator
        return ratio

    def scaled(self, gain: float) -> Section:
        """The same filter, louder or softer."""
        return Section(self.numerator * gain, self.denominator)


class BlockFilter:
    """A chain of sections that is tapped after some of them.

    Parameters
    ----------
    sections : sequence of Section
        The chain; leading coefficients of the denominators are one.
    taps : sequence of int
        Numbers of sections after which there is an output.
    """

    def __init__(self, sections: Sequence[Section], taps: Sequence[int]) -> None:
        step, enter, leave, through = _state_space(sections, taps)
        self._step = step
        order = len(step)
        answers, observed, power = [], [], np.eye(order)
        for _ in range(BLOCK):
            observed.append(leave @ power)
            answers.append(power @ enter)
            power = step @ power
        # Rows are what a sample (of the block) or a state does to the samples and states after it.
        self._to_state = np.array(answers[::-1])
        # For each tap: from a block's samples, and below from the state at its beginning.
        self._to_output = [
            np.vstack(
                [
                    _triangle(np.r_[through[tap], [row[tap] @ enter for row in observed[:-1]]]),
                    np.array([row[tap] for row in observed]).T,
                ]
            )
            for tap in range(len(taps))
        ]
        self._over_block = power
        self._levels: list[tuple[Array, Array]] = []
        self.reset()

    def reset(self) -> None:
        """Begin anew, out of silence."""
        self._state = np.zeros(len(self._step))

    def process(self, signal: Array) -> list[Array]:
        """Outputs of the taps for the next frames.

        Parameters
        ----------
        signal : ndarray, shape (frames,)

        Returns
        -------
        list of ndarray, shape (frames,)
        """
        frames = signal.size
        rest = -frames % BLOCK
        if rest:
            signal = np.concatenate([signal, np.zeros(rest)])
        blocks = signal.reshape(-1, BLOCK)
        ends = blocks @ self._to_state
        ends[0] += self._over_block @ self._state
        ends = self._running(ends, 0)
        known = np.empty((len(blocks), BLOCK + self._state.size))
        known[:, :BLOCK] = blocks
        known[0, BLOCK:] = self._state
        known[1:, BLOCK:] = ends[:-1]
        whole = not rest
        self._state = ends[-1].copy() if whole else self._after(known[-1], rest)
        return [(known @ matrix).reshape(-1)[:frames] for matrix in self._to_output]

    def _after(self, known: Array, missing: int) -> Array:
        """State after a block that lacks its last samples, from its samples and state before."""
        there = BLOCK - missing
        moved: Array = np.linalg.matrix_power(self._step, there) @ known[BLOCK:]
        return moved + known[:there] @ self._to_state[missing:]

    def _running(self, ends: Array, level: int) -> Array:
        """States after each block, from what each block alone leaves behind."""
        count, order = ends.shape
        if count == 1:
            return ends
        within, onward = self._level(level)
        missing = -count % GROUP
        if missing:
            ends = np.concatenate([ends, np.zeros((missing, order))])
        groups = (ends.reshape(-1, GROUP * order) @ within).reshape(-1, GROUP, order)
        if len(groups) > 1:
            carried = self._running(groups[:, -1], level + 1)[:-1]
            groups[1:] += (carried @ onward).reshape(-1, GROUP, order)
        return groups.reshape(-1, order)[:count]

    def _level(self, level: int) -> tuple[Array, Array]:
        """Matrices that sum up a group of states, `GROUP` ** `level` blocks apart."""
        while len(self._levels) <= level:
            power = np.linalg.matrix_power(self._over_block, GROUP ** len(self._levels))
            powers = [np.linalg.matrix_power(power, n).T for n in range(GROUP + 1)]
            none = np.zeros_like(power)
            rows = [
                [powers[later - earlier] if later >= earlier else none for later in range(GROUP)]
                for earlier in range(GROUP)
            ]
            self._levels.append((np.block(rows), np.hstack(powers[1:])))
        return self._levels[level]


def _triangle(answer: Array) -> Array:
    """Matrix from the samples of a block to its output, given the impulse response."""
    age = np.subtract.outer(np.arange(BLOCK), np.arange(BLOCK)).T
    return np.where(age >= 0, answer[np.maximum(age, 0)], 0.0)


def _state_space(
    sections: Sequence[Section], taps: Sequence[int]
) -> tuple[Array, Array, Array, Array]:
    """State matrix, input, outputs and direct paths of the chain; each section has its states."""
    step, enter = np.zeros((0, 0)), np.zeros(0)
    output, direct = np.zeros(0), 1.0
    leave: dict[int, Array] = {}
    through: dict[int, float] = {}
    for number, section in enumerate(sections):
        own_step, own_enter, first = _transposed_form(section)
        before, own = len(step), len(own_step)
        step = np.block([[step, np.zeros((before, own))], [np.outer(own_enter, output), own_step]])
        enter = np.concatenate([enter, own_enter * direct])
        output = np.concatenate([output * first, np.eye(own)[0]])
        direct *= first
        leave[number], through[number] = output, direct
    order = len(step)
    padded = [np.pad(leave[tap], (0, order - leave[tap].size)) for tap in taps]
    return step, enter, np.array(padded), np.array([through[tap] for tap in taps])


def _transposed_form(section: Section) -> tuple[Array, Array, float]:
    """Direct form II transposed: state matrix, input vector, direct path."""
    order = max(section.numerator.size, section.denominator.size) - 1
    numerator = np.pad(section.numerator, (0, order + 1 - section.numerator.size))
    denominator = np.pad(section.denominator, (0, order + 1 - section.denominator.size))
    step = np.eye(order, k=1)
    step[:, 0] -= denominator[1:]
    return step, numerator[1:] - denominator[1:] * numerator[0], float(numerator[0])
