"""``skolro collector serve`` whose ledger has a fault in its program: run with its arguments."""

from __future__ import annotations

from collections.abc import Sequence

import skolro
from collector.ledger.ledger import AppendResult, Ledger
from collector.ledger.verification import Received


def append(ledger: Ledger, batch: Sequence[Received]) -> AppendResult:
    """Fail as no ledger should."""
    raise ZeroDivisionError("a fault of ours")


if __name__ == "__main__":
    setattr(Ledger, "append", append)  # noqa: B010 - a fault put there on purpose
    skolro.main()
