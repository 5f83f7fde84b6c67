"""A value is made once for all who ask within its time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from dashboards.briefing.cache import Cache


def test_a_value_is_kept_for_its_time_and_then_made_anew() -> None:
    now = [0.0]
    made = iter(range(10))
    cache: Cache[str, int] = Cache(5.0, clock=lambda: now[0])
    assert [cache.get("a", lambda: next(made)) for _ in range(3)] == [0, 0, 0]
    now[0] = 4.9
    assert cache.get("a", lambda: next(made)) == 0
    now[0] = 5.0
    assert cache.get("a", lambda: next(made)) == 1


def test_keys_have_values_of_their_own() -> None:
    cache: Cache[str, str] = Cache(5.0)
    assert cache.get("a", lambda: "first") == "first"
    assert cache.get("b", lambda: "second") == "second"


def test_many_threads_at_once_make_it_once() -> None:
    cache: Cache[str, int] = Cache(60.0)
    together = Barrier(8)
    calls: list[int] = []

    def make() -> int:
        calls.append(1)
        return 7

    def ask() -> int:
        together.wait(10)
        return cache.get("a", make)

    with ThreadPoolExecutor(8) as pool:
        assert [future.result() for future in [pool.submit(ask) for _ in range(8)]] == [7] * 8
    assert len(calls) == 1


def test_a_failure_is_not_kept() -> None:
    cache: Cache[str, int] = Cache(60.0)

    def fail() -> int:
        raise RuntimeError("not now")

    with pytest.raises(RuntimeError):
        cache.get("a", fail)
    assert cache.get("a", lambda: 3) == 3


def test_old_keys_make_room() -> None:
    cache: Cache[int, str] = Cache(60.0)
    for key in range(1000):
        cache.get(key, lambda: "first")
    assert cache.get(999, lambda: "again") == "first"
    assert cache.get(0, lambda: "again") == "again"
