"""Wishes, waves, and the task that tells them: on a real database, beside a teller that notes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from collector.errors import RegistryError
from collector.ledger.ledger import Ledger
from collector.ledger.records import NodeState
from collector.registry.wishes import NodeWish, Wishes
from collector.rollout.task import RolloutTask
from collector.rollout.waves import decide, waves
from sensor.contract.messages import UpdateReport
from tests.peers import FakeNode, health

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NAMES = ("askolan-1", "ekskolan-1", "ekskolan-2")


class Notes:
    """Notes what nodes are told."""

    def __init__(self) -> None:
        self.connection = 0
        self.is_connected = True
        self.told: list[tuple[str, bytes]] = []

    def tell(self, node: str, payload: bytes, signature: str) -> None:
        assert bool(payload) == bool(signature)
        self.told.append((node, payload))


class Fleet:
    """Three nodes, an update on its way through them, and a clock that tests set."""

    def __init__(self, engine: Engine, ledger: Ledger) -> None:
        self.ledger = ledger
        self.now = NOW
        self.wishes = Wishes(engine)
        self.notes = Notes()
        self.task = RolloutTask(engine, ledger, self.notes, lambda: self.now)
        self.nodes = {name: FakeNode(name) for name in NAMES}
        for name, node in self.nodes.items():
            node.register(ledger.registry, name.partition("-")[0], NOW - timedelta(days=1))

    def begin(self, *, stage: int = 3, wait_s: float = 3600.0) -> int:
        wave = waves([(name, name.partition("-")[0]) for name in NAMES], "ekskolan-1")
        made = [wish(name, number=1, wave=wave[name]) for name in NAMES]
        return self.wishes.begin("2.0", "a" * 64, made, stage=stage, wait_s=wait_s)

    def says(self, name: str, state: str, number: int = 1, reason: str = "") -> None:
        report = UpdateReport(wish=number, config_version=0, state=state, reason=reason)  # type: ignore[arg-type]
        node = self.nodes[name]
        message = health(name, self.now, update=report)
        self.ledger.append([node.signed(message, self.now)])

    def later(self, **how_much: float) -> None:
        self.now += timedelta(**how_much)
        self.task.step()

    @property
    def told(self) -> list[str]:
        return [node for node, payload in self.notes.told if payload]


def wish(node: str, number: int = 1, wave: int = 0) -> NodeWish:
    return NodeWish(
        node=node, number=number, made_at=datetime.now(UTC), wave=wave,
        payload=f"{node} {number}".encode(), signature="signed",
    )  # fmt: skip


@pytest.fixture
def fleet(engine: Engine, ledger: Ledger) -> Fleet:
    made = Fleet(engine, ledger)
    made.now = datetime.now(UTC)
    return made


def test_it_goes_from_wave_to_wave_as_each_works(fleet: Fleet) -> None:
    fleet.begin()
    fleet.later(seconds=1)
    assert fleet.told == ["ekskolan-1"]
    fleet.says("ekskolan-1", "fetching")
    fleet.later(hours=2)
    assert fleet.told == ["ekskolan-1"]
    fleet.says("ekskolan-1", "current")
    fleet.later(minutes=1)
    # It works; now it is watched for an hour.
    fleet.later(minutes=30)
    assert fleet.told == ["ekskolan-1"]
    fleet.later(minutes=31)
    assert fleet.told == ["ekskolan-1", "askolan-1"]
    for name in NAMES:
        fleet.says(name, "current")
    fleet.later(minutes=1)
    fleet.later(hours=2)
    for name in NAMES:
        fleet.says(name, "current")
    fleet.later(minutes=1)
    rollout = fleet.wishes.rollout()
    assert sorted(fleet.told) == sorted(NAMES)
    assert rollout is not None
    assert (rollout.end, rollout.reason) == ("done", "every node works")


@pytest.mark.parametrize("state", ["returned", "refused"])
def test_one_that_does_not_work_stops_all(fleet: Fleet, state: str) -> None:
    number = fleet.begin()
    fleet.later(seconds=1)
    fleet.says("ekskolan-1", state, reason="it did not start")
    fleet.later(hours=5)
    rollout = fleet.wishes.rollout()
    assert rollout is not None
    assert rollout.end == "stopped"
    assert rollout.reason == f"ekskolan-1 has {state}: it did not start"
    fleet.later(hours=5)
    assert fleet.told == ["ekskolan-1"]
    # Who has not heard of it never will.
    withdrawn = [one.node for one in fleet.wishes.members(number) if one.withdrawn_at is not None]
    assert withdrawn == ["askolan-1", "ekskolan-2"]
    # The broker forgets what it may have kept.
    assert {node for node, payload in fleet.notes.told if not payload} == set(withdrawn)


def test_it_goes_no_further_than_it_may(fleet: Fleet) -> None:
    number = fleet.begin(stage=1, wait_s=0)
    fleet.later(seconds=1)
    fleet.says("ekskolan-1", "current")
    fleet.later(hours=5)
    fleet.later(hours=5)
    assert fleet.told == ["ekskolan-1"]
    states = fleet.ledger.node_states()
    rollout = fleet.wishes.rollout()
    assert rollout is not None
    decision = decide(rollout, fleet.wishes.members(number), states, fleet.now)
    assert "go on with the same command and --stage some" in decision.reason
    fleet.wishes.extend(number, 3, 0)
    fleet.later(seconds=5)
    assert len(fleet.told) > 1


def test_a_node_that_is_off_holds_up_nobody_else(fleet: Fleet) -> None:
    fleet.begin(wait_s=0)
    fleet.later(seconds=1)
    fleet.says("ekskolan-1", "current")
    fleet.later(minutes=1)
    fleet.later(minutes=1)
    second = [name for name in fleet.told if name != "ekskolan-1"]
    assert second
    fleet.says(second[0], "current")
    fleet.later(minutes=1)
    fleet.later(minutes=1)
    assert sorted(fleet.told) == sorted(NAMES)
    rollout = fleet.wishes.rollout()
    assert rollout is not None
    assert rollout.end is None


def test_a_broker_that_came_back_is_told_again(fleet: Fleet) -> None:
    fleet.wishes.add(wish("ekskolan-1"))
    fleet.later(seconds=1)
    fleet.later(seconds=1)
    assert fleet.told == ["ekskolan-1"]
    fleet.notes.is_connected = False
    fleet.notes.connection += 1
    fleet.later(seconds=1)
    assert fleet.told == ["ekskolan-1"]
    fleet.notes.is_connected = True
    fleet.later(seconds=1)
    assert fleet.told == ["ekskolan-1", "ekskolan-1"]


def test_the_first_word_counts_and_older_wishes_are_not_meant(fleet: Fleet) -> None:
    fleet.wishes.add(wish("ekskolan-1"))
    fleet.wishes.add(wish("ekskolan-1", number=2))
    fleet.says("ekskolan-1", "current", number=1)
    fleet.later(seconds=1)
    assert [one.outcome for one in fleet.wishes.of("ekskolan-1")] == [None, None]
    fleet.says("ekskolan-1", "returned", number=2, reason="why")
    fleet.later(seconds=1)
    fleet.says("ekskolan-1", "current", number=2)
    fleet.later(seconds=1)
    newest = fleet.wishes.newest()["ekskolan-1"]
    assert (newest.outcome, newest.reason) == ("returned", "why")


def test_what_contradicts_is_explained(fleet: Fleet) -> None:
    fleet.begin()
    with pytest.raises(RegistryError, match=r"2.0 is on its way already: end that"):
        fleet.begin()
    with pytest.raises(RegistryError, match="waits for its turn in an update"):
        fleet.wishes.add(wish("ekskolan-2", number=2))
    with pytest.raises(RegistryError, match="somebody else has just wished"):
        fleet.wishes.add(wish("ekskolan-1", number=1))
    with pytest.raises(RegistryError, match="no node is left"):
        fleet.wishes.begin("2.0", "a" * 64, [], stage=1, wait_s=0)


def test_waves_are_one_then_a_fifth_of_all_sites_then_all() -> None:
    nodes = [(f"{site}-{number}", site) for site in ("a", "b", "c", "d") for number in range(1, 6)]
    turn = waves(nodes, "c-3")
    assert [node for node, wave in turn.items() if wave == 1] == ["c-3"]
    some = sorted(node for node, wave in turn.items() if wave == 2)
    assert some == ["a-1", "b-1", "c-1", "d-1"]
    assert sum(wave == 3 for wave in turn.values()) == 15


# A busy machine is slow, whatever it draws.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sets(st.integers(1, 60), min_size=1), st.data())
def test_each_node_is_in_one_wave(numbers: set[int], data: st.DataObject) -> None:
    names: Sequence[str] = [f"n-{number}" for number in sorted(numbers)]
    first = data.draw(st.sampled_from(names))
    turn = waves([(name, f"s-{len(name)}") for name in names], first)
    assert sorted(turn) == sorted(names)
    assert [name for name, wave in turn.items() if wave == 1] == [first]
    assert set(turn.values()) <= {1, 2, 3}
    # No wave is left out before a later one.
    if 3 in turn.values():
        assert 2 in turn.values()


def test_a_node_that_was_heard_and_is_not_done_is_waited_for(fleet: Fleet) -> None:
    number = fleet.begin(wait_s=0)
    rollout = fleet.wishes.rollout()
    assert rollout is not None
    members = fleet.wishes.members(number)
    heard = {"ekskolan-1": NodeState(node="ekskolan-1", last_received_at=fleet.now)}
    later = fleet.now + timedelta(days=9)
    assert decide(rollout, members, heard, later).reason in {
        "ekskolan-1 not done yet", "no node of this wave was heard since it was told"
    }  # fmt: skip
    assert decide(rollout, members, {}, later).step == "wait"
