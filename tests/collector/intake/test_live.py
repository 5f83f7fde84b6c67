"""Live readings: the latest of each node, and a stream that never blocks the measuring."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from collector.intake.live import LiveReadings
from sensor.contract.messages import Live

START = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)


def reading(node: str, second: int) -> Live:
    """A reading of that second."""
    at = START + timedelta(seconds=second)
    return Live(node=node, time=at, lafmax_db=51.0, laeq_db=50.0)


def test_the_latest_of_each_node_is_kept() -> None:
    live = LiveReadings()
    for item in (reading("a", 1), reading("b", 1), reading("a", 2)):
        live.update(item)
    assert live.latest("a") == reading("a", 2)
    assert live.latest("c") is None
    assert live.all() == {"a": reading("a", 2), "b": reading("b", 1)}


def test_listeners_get_what_comes_while_they_listen() -> None:
    live = LiveReadings()
    live.update(reading("a", 0))
    with live.listen() as one, live.listen() as two:
        live.update(reading("a", 1))
        live.update(reading("a", 2))
        assert [one.get(1), one.get(1), one.get(0)] == [reading("a", 1), reading("a", 2), None]
        assert two.get(1) == reading("a", 1)
    live.update(reading("a", 3))
    assert one.get(0) is None


def test_a_slow_listener_misses_the_oldest() -> None:
    live = LiveReadings()
    with live.listen() as listener:
        for second in range(1000):
            live.update(reading("a", second))
        first = listener.get(0)
    assert first is not None
    assert first.time == START + timedelta(seconds=900)
