"""Who guesses has to wait, longer and longer; who mistypes does not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import Engine, select, update

from collector.database import tables
from collector.database.database import reading, writing
from collector.registry.accounts import Accounts
from collector.roles import Role
from dashboards.briefing.access.refusals import TooManyTriesError
from dashboards.briefing.access.throttle import FORGOTTEN_AFTER, LONGEST_WAIT, Throttle
from tests.dashboards.briefing.access.test_login import log_in
from tests.dashboards.briefing.conftest import PASSWORD


@pytest.fixture
def throttle(engine: Engine) -> Throttle:
    """Nothing has failed yet."""
    return Throttle(engine)


def later(engine: Engine, passed: timedelta) -> None:
    """Let so much time pass for all that failed."""
    table = tables.login_failure
    with writing(engine) as connection:
        for row in connection.execute(select(table)).all():
            earlier = {"last_at": row.last_at - passed, "until": row.until - passed}
            connection.execute(update(table).where(table.c.key == row.key).values(earlier))


@contextmanager
def waits() -> Iterator[list[float]]:
    """How long whoever is refused within has to wait, in seconds."""
    told: list[float] = []
    with pytest.raises(TooManyTriesError) as refused:
        yield told
    told.append((refused.value.until - datetime.now(UTC)).total_seconds())


def test_a_few_mistakes_cost_nothing_and_then_each_costs_twice_as_much(
    throttle: Throttle, engine: Engine
) -> None:
    for _ in range(5):
        throttle.begin("anna", "192.0.2.1")
    waited = []
    for _ in range(8):
        with waits() as told:
            throttle.begin("anna", "192.0.2.1")
        waited += told
        later(engine, timedelta(seconds=told[0] + 1))
        throttle.begin("anna", "192.0.2.1")
    longest = LONGEST_WAIT.total_seconds()
    expected = [15, 30, 60, 120, 240, 480, longest, longest]
    assert waited == [pytest.approx(one, abs=14) for one in expected]


def test_it_is_the_account_from_wherever_and_the_address_whomever_it_tries(
    throttle: Throttle,
) -> None:
    for number in range(5):
        throttle.begin("anna", f"192.0.2.{number}")
    with waits():
        throttle.begin(" ANNA ", "198.51.100.7")
    for number in range(20):
        throttle.begin(f"somebody-{number}", "203.0.113.9")
    with waits():
        throttle.begin("bo", "203.0.113.9")
    throttle.begin("bo", "203.0.113.10")


def test_whoever_has_many_addresses_of_ipv6_has_one(throttle: Throttle) -> None:
    for number in range(20):
        throttle.begin(f"somebody-{number}", f"2001:db8:0:1::{number:x}")
    with waits():
        throttle.begin("bo", "2001:db8:0:1:ffff::1")
    throttle.begin("bo", "2001:db8:0:2::1")


def test_success_forgets_what_failed_of_the_account(throttle: Throttle) -> None:
    for _ in range(40):
        throttle.begin("anna", "192.0.2.1")
        throttle.succeeded("Anna", "192.0.2.1")
    for _ in range(5):
        throttle.begin("anna", "192.0.2.1")
    with waits():
        throttle.begin("anna", "192.0.2.1")


def test_waiting_is_neither_counted_nor_prolonged(throttle: Throttle, engine: Engine) -> None:
    for _ in range(5):
        throttle.begin("anna", "192.0.2.1")
    for _ in range(50):
        with waits() as told:
            throttle.begin("anna", "192.0.2.1")
        assert told[0] <= 15
    later(engine, timedelta(seconds=16))
    throttle.begin("anna", "192.0.2.1")


def test_a_day_later_all_is_forgotten_and_names_were_never_kept(
    throttle: Throttle, engine: Engine
) -> None:
    for _ in range(5):
        throttle.begin("my-password-in-the-wrong-field", "192.0.2.1")
    with reading(engine) as connection:
        kept = connection.execute(select(tables.login_failure)).all()
    assert len(kept) == 2
    assert "password" not in str(kept)
    assert "192.0.2" not in str(kept)
    later(engine, FORGOTTEN_AFTER)
    throttle.begin("bo", "192.0.2.2")
    with reading(engine) as connection:
        assert len(connection.execute(select(tables.login_failure)).all()) == 2


def test_many_at_once_win_nothing(throttle: Throttle) -> None:
    let_in = []

    def guess() -> None:
        try:
            throttle.begin("anna", "192.0.2.1")
        except TooManyTriesError:
            return
        let_in.append(1)

    threads = [threading.Thread(target=guess) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(let_in) == 5


@pytest.mark.parametrize("name", ["anna", "nobody"])
def test_the_page_says_when_to_try_again_whoever_exists(
    public: httpx.Client, accounts: Accounts, engine: Engine, name: str
) -> None:
    accounts.add("anna", Role.POLICE, PASSWORD)
    for _ in range(5):
        assert log_in(public, name, "wrong").status_code == 401
    refused = log_in(public, name)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 15
    assert "För många misslyckade inloggningar" in refused.text
    assert "Försök igen kl. " in refused.text
    later(engine, timedelta(seconds=16))
    assert log_in(public, name).status_code == (303 if name == "anna" else 401)
