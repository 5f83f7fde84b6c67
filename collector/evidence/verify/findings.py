"""What was found, check by check, before it is put in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

MOST_TOLD: Final = 10
"""Faults of one kind that are told one by one."""


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence to be: its key among the texts, and what is put in."""

    key: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Check:
    """One question and its answer.

    Attributes
    ----------
    name : str
        Of the question, among the texts.
    faults : list of Remark
        What does not hold, the first of each kind; `count` has how many there are in all.
    notes : list of Remark
        What else a reader should know.
    skipped : bool
        It could not be asked, since something that it rests on is missing.
    """

    name: str
    faults: list[Remark] = field(default_factory=list)
    notes: list[Remark] = field(default_factory=list)
    count: int = 0
    skipped: bool = False
    _kinds: dict[str, int] = field(default_factory=dict)

    def fault(self, key: str, **values: Any) -> None:
        """Note something that does not hold."""
        self.count += 1
        self._kinds[key] = self._kinds.get(key, 0) + 1
        if self._kinds[key] <= MOST_TOLD:
            self.faults.append(Remark(key, values))

    def note(self, key: str, **values: Any) -> None:
        """Note something worth knowing."""
        self.notes.append(Remark(key, values))

    @property
    def holds(self) -> bool:
        """Whether all of it does."""
        return not self.count and not self.skipped


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that was found; `identity` says whether it is known whose seal it is."""

    checks: tuple[Check, ...]
    identity: bool

    @property
    def holds(self) -> bool:
        """Whether everything that was asked does."""
        return all(check.holds for check in self.checks)

    def check(self, name: str) -> Check | None:
        """The check of that name; None where it was not asked."""
        return next((check for check in self.checks if check.name == name), None)
