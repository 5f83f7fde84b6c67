"""A secret makes one key known, once, of one node, for a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from collector.database.database import reading
from collector.errors import RegistryError
from collector.registry.enrolments import Enrolments
from collector.registry.registry import Registry
from sensor.contract.errors import ContractError
from tests.peers import FakeNode

NOW = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)
NODE = "ekskolan-1"
KEY = FakeNode(NODE).public_key_text
OTHER_KEY = FakeNode(NODE, seed=1).public_key_text


@pytest.fixture
def enrolments(engine: Engine, registry: Registry) -> Enrolments:
    registry.add_node(NODE, "ekskolan", None, NOW)
    registry.add_node("askolan-1", "askolan", None, NOW)
    return Enrolments(engine, registry)


def test_a_node_without_a_key_gets_the_one_it_made(
    enrolments: Enrolments, registry: Registry
) -> None:
    assert registry.keys_of(NODE) == ()
    secret = enrolments.open(NODE, now=NOW)
    assert enrolments.redeem(NODE, secret, KEY, NOW + timedelta(days=1)) == "accepted"
    (key,) = registry.keys_of(NODE)
    assert key.since == NOW + timedelta(days=1)
    (card,) = enrolments.of(NODE)
    assert (card.used_at, card.kid) == (key.since, key.kid)


def test_the_same_again_is_accepted_and_another_key_is_not(
    enrolments: Enrolments, registry: Registry
) -> None:
    secret = enrolments.open(NODE, now=NOW)
    assert [enrolments.redeem(NODE, secret, key, NOW) for key in (KEY, KEY, OTHER_KEY)] == [
        "accepted", "accepted", "used"
    ]  # fmt: skip
    assert len(registry.keys_of(NODE)) == 1


@pytest.mark.parametrize(("days_later", "result"), [(29.9, "accepted"), (30.0, "expired")])
def test_a_secret_holds_for_a_time(enrolments: Enrolments, days_later: float, result: str) -> None:
    secret = enrolments.open(NODE, days=30, now=NOW)
    assert enrolments.redeem(NODE, secret, KEY, NOW + timedelta(days=days_later)) == result


def test_it_is_of_one_node_and_a_newer_one_ends_it(enrolments: Enrolments) -> None:
    first = enrolments.open(NODE, now=NOW)
    assert enrolments.redeem("askolan-1", first, KEY, NOW) == "unknown"
    second = enrolments.open(NODE, now=NOW)
    assert enrolments.redeem(NODE, first, KEY, NOW) == "unknown"
    assert enrolments.redeem(NODE, second, KEY, NOW) == "accepted"


def test_no_two_nodes_have_one_key(enrolments: Enrolments) -> None:
    assert enrolments.redeem(NODE, enrolments.open(NODE, now=NOW), KEY, NOW) == "accepted"
    secret = enrolments.open("askolan-1", now=NOW)
    with pytest.raises(RegistryError, match="has this key already"):
        enrolments.redeem("askolan-1", secret, KEY, NOW)
    # It was not used up by that.
    assert enrolments.redeem("askolan-1", secret, OTHER_KEY, NOW) == "accepted"


def test_what_is_no_key_or_no_node_is_said(enrolments: Enrolments) -> None:
    with pytest.raises(RegistryError, match="no node 'nobody-1'"):
        enrolments.open("nobody-1")
    with pytest.raises(ContractError, match="no Ed25519 public key"):
        enrolments.redeem(NODE, enrolments.open(NODE), "AAAA")


def test_the_secret_itself_is_not_kept(enrolments: Enrolments, engine: Engine) -> None:
    secret = enrolments.open(NODE, now=NOW)
    with reading(engine) as connection:
        rows = connection.execute(text("SELECT * FROM enrolment")).all()
    assert len(rows) == 1
    assert secret not in str(rows)


def test_a_retired_node_hangs_nowhere_and_its_keys_end(
    enrolments: Enrolments, registry: Registry
) -> None:
    enrolments.redeem(NODE, enrolments.open(NODE, now=NOW), KEY, NOW)
    later = NOW + timedelta(days=9)
    registry.retire_node(NODE, later)
    assert registry.site_of(NODE, later) is None
    assert registry.site_of(NODE, later - timedelta(seconds=1)) is not None
    (key,) = registry.keys_of(NODE)
    assert key.revoked_at == later
    with pytest.raises(RegistryError, match="hangs nowhere already"):
        registry.retire_node(NODE, later)
    # It can be hung somewhere again, and what it measured before stays where it was.
    registry.place_node(NODE, "askolan", later + timedelta(days=1))
    assert [place.site for place in registry.placements(NODE)] == ["ekskolan", "askolan"]


def test_nothing_is_taken_down_before_it_hung(enrolments: Enrolments, registry: Registry) -> None:
    assert enrolments.of(NODE) == []
    with pytest.raises(RegistryError, match="only be taken down later"):
        registry.retire_node(NODE, NOW)
