"""Makes one summary in a process of its own, so that a server can go on answering.

``python -m collector.evidence.worker`` reads one :class:`.Order` as JSON from standard input and
writes :class:`.News` to standard output, a line each; the last one says how it ended.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from collector.database.database import open_database
from collector.evidence.export import export
from collector.evidence.export_log import Asked
from collector.evidence.exporter import exporter_of
from collector.evidence.orders import News, Order
from collector.registry.registry import Registry
from sensor.contract.errors import SkolroError


def main() -> None:
    """Make what is ordered."""
    # Receiving and storing come first.
    os.nice(5)
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    try:
        archive = _made(order)
    except SkolroError as error:
        _tell(News(error=str(error)))
    else:
        _tell(News(archive=archive.name))


def _made(order: Order) -> Path:
    exporter = exporter_of(order.evidence)
    engine = open_database(order.ledger)
    try:
        inventory = Registry(engine).inventory()
        out = Path(order.out)
        asked = Asked(order.who, order.reason)
        made = export(
            engine,
            inventory,
            order.request,
            exporter,
            out,
            asked,
            _progress,
            small_count=order.small_count,
        )
        return made.archive
    finally:
        engine.dispose()


def _progress(done: int, total: int) -> None:
    _tell(News(done=done, total=total))


def _tell(news: News) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(news) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
