"""Whether something new works: it measures, and the collector has acknowledged what it sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from sensor.updating.exchange import Proof
from sensor.updating.journal import Trial

Verdict: TypeAlias = Literal["wait", "good", "silent", "unheard"]

MOST_BOOTS: Final = 3
"""Starts of the node during one trial: what makes the computer fail is returned from, too."""


@dataclass(frozen=True, slots=True)
class Timing:
    """For how long something new is watched.

    Attributes
    ----------
    measured_s : float
        Seconds that it must validly measure: over a minute, which a microphone takes to show that
        it is dead.
    silent_s : float
        In which it must have done so.
    unheard_s : float
        For how long no acknowledgement may move on. Longer than a line is usually away.
    line_s : float
        How long the one that runs is waited for to be acknowledged, before anything is begun.
    poll_s : float
        How often it is looked at.
    """

    measured_s: float = 90.0
    silent_s: float = 600.0
    unheard_s: float = 1800.0
    line_s: float = 120.0
    poll_s: float = 2.0


class Judge:
    """Watches one process after it was asked to start anew.

    Parameters
    ----------
    trial : Trial
        What is tried, or returned from.
    needs_microphone : bool
        Whether measuring is asked of it.
    """

    def __init__(self, trial: Trial, timing: Timing) -> None:
        self._trial = trial
        self._timing = timing
        self._acked = -1
        self._moved_s = trial.begun_s

    def verdict(self, proof: Proof | None, now_s: float) -> Verdict:
        """Return what is known now.

        Parameters
        ----------
        proof : Proof, optional
            What the process says of itself.
        now_s : float
            By the clock that nobody sets.
        """
        if proof is None or not self._is_of_trial(proof) or not self._measures(proof, now_s):
            late = now_s - self._trial.begun_s > self._timing.silent_s
            return "silent" if late else "wait"
        if proof.is_heard:
            return "good"
        if proof.acked_seq != self._acked:
            # What waited before must go first: a line on which it moves is not blamed.
            self._acked, self._moved_s = proof.acked_seq, now_s
        return "unheard" if now_s - self._moved_s > self._timing.unheard_s else "wait"

    def reason(self, verdict: Verdict, proof: Proof | None) -> str:
        """Why, in a sentence's end."""
        if verdict == "unheard":
            return "it measured, and the collector acknowledged nothing of it"
        if proof is None or not self._is_of_trial(proof):
            return "it did not start"
        if proof.microphone != "ok":
            return f"it measured nothing: microphone {proof.microphone}"
        return f"it measured for {proof.valid_s} s only, and not {self._timing.measured_s:.0f}"

    def _is_of_trial(self, proof: Proof) -> bool:
        return proof.boot == self._trial.boot and proof.started_s >= self._trial.begun_s

    def _measures(self, proof: Proof, now_s: float) -> bool:
        if self._trial.needs_microphone:
            return proof.microphone == "ok" and proof.valid_s >= self._timing.measured_s
        return now_s - proof.started_s >= self._timing.measured_s
