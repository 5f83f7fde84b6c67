"""The updater, from wish to report, whatever happens on the way."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sensor.contract.signature import public_key_text, sign
from sensor.errors import UpdateError
from sensor.updating.journal import STATE_FILE, Journal
from tests.sensor.updating.world import KEY, NODE, PowerCutError, Stopper, World, wanted

OTHER = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
GOOD = f'node = "{NODE}"\n# good\n'


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def told(world: World) -> tuple[str, str]:
    return world.report.state, world.report.reason


def test_a_release_that_works_is_kept(world: World) -> None:
    world.wishes("2.0")
    world.run()
    assert world.release == "2.0"
    assert world.places.good.readlink() == world.places.current.readlink()
    assert told(world) == ("current", "")
    assert world.report.wish == 1
    # What it ran before is of no more use.
    assert [path.name for path in world.places.releases.iterdir()] == [
        world.places.current.readlink().name
    ]


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ("2.0crash", "it did not start"),
        ("2.0deaf", "it measured nothing: microphone dead"),
        ("2.0mute", "it measured, and the collector acknowledged nothing of it"),
    ],
)
def test_a_release_that_does_not_work_is_returned_from(
    world: World, version: str, text: str
) -> None:
    world.wishes(version)
    world.run()
    assert world.release == "1.0"
    assert told(world) == ("returned", f"release {version}: {text}")
    # Its number is closed: nothing is tried twice by itself.
    starts = world.starts
    world.run()
    assert world.starts == starts


def test_what_was_bad_is_remembered_until_it_is_wished_for_again(world: World) -> None:
    world.wishes("2.0deaf")
    world.run()
    world.wishes("2.0deaf")
    world.run()
    assert told(world)[0] == "refused"
    assert "was tried here and returned from" in told(world)[1]
    starts = world.starts
    world.wishes("2.0deaf", again=True)
    world.run()
    assert told(world)[0] == "returned"
    assert world.starts == starts + 2
    world.wishes("3.0")
    world.run()
    assert (world.release, told(world)[0]) == ("3.0", "current")


def test_a_configuration_goes_the_same_way(world: World) -> None:
    world.wishes(config=(1, GOOD))
    world.run()
    assert (world.config, world.report.config_version) == (GOOD, 1)
    world.wishes(config=(2, f'node = "{NODE}"\n# deaf\n'))
    world.run()
    assert (world.config, world.report.config_version) == (GOOD, 1)
    assert told(world) == ("returned", "configuration 2: it measured nothing: microphone dead")


def test_a_configuration_that_cannot_be_used_is_refused_before_it_is_tried(world: World) -> None:
    starts = world.starts
    world.wishes(config=(1, 'node = "askolan-1"\n'))
    world.run()
    assert told(world) == ("refused", "line 1: node: it is another")
    assert (world.starts, world.report.config_version) == (starts, 0)
    assert sorted(path.name for path in world.places.configs.iterdir()) == [
        "card.toml", "current.toml"
    ]  # fmt: skip


def test_release_and_configuration_are_tried_one_after_the_other(world: World) -> None:
    world.wishes("2.0", (1, f'node = "{NODE}"\n# deaf\n'))
    world.run()
    assert world.release == "2.0"
    assert told(world)[1].startswith("configuration 1")


def test_a_wish_that_comes_while_the_one_before_is_ended_is_not_left(world: World) -> None:
    def another() -> None:
        world.on_tidy = lambda: None
        world.wishes("3.0")

    world.on_tidy = another
    world.wishes("2.0")
    world.run()
    assert (world.release, world.report.wish) == ("3.0", 2)


def test_a_wish_that_is_not_signed_or_not_ours_changes_nothing(world: World) -> None:
    world.wishes("2.0")
    payload = world.wish or b""
    for signature, text in (
        (sign(payload, OTHER), "which this node does not know"),
        (sign(payload + b" ", KEY), "does not fit"),
        ("", "not a detached JWS"),
    ):
        world.hand_on(signature)
        world.run()
        assert told(world)[0] == "refused"
        assert text in told(world)[1]
    world.wishes("2.0", node="askolan-1")
    world.run()
    assert "is for askolan-1" in told(world)[1]
    assert (world.release, world.report.wish) == ("1.0", 0)


def test_an_old_wish_that_is_played_again_is_none(world: World) -> None:
    world.wishes("2.0")
    old = world.wish
    world.run()
    world.wishes("3.0")
    world.run()
    world.wish = old
    world.hand_on()
    world.run()
    assert (world.release, told(world), world.report.wish) == ("3.0", ("current", ""), 2)
    world.wishes("4.0", number=2)
    world.run()
    assert world.release == "3.0"
    assert "two wishes of the number 2" in told(world)[1]


def test_a_new_key_is_believed_once_the_old_one_says_so(world: World) -> None:
    both = (public_key_text(KEY.public_key()), public_key_text(OTHER.public_key()))
    world.wishes("2.0", keys=both)
    world.run()
    world.wishes("3.0", keys=both[1:])
    world.hand_on(sign(world.wish or b"", OTHER))
    world.run()
    assert world.release == "3.0"
    # The first one is believed no longer.
    world.wishes("4.0")
    world.run()
    assert (world.release, told(world)[0]) == ("3.0", "refused")


def test_without_a_key_nobody_is_believed(world: World) -> None:
    world.places.config.with_name("fleet.keys").unlink()
    world.wishes("2.0")
    world.run()
    assert "given no fleet key" in told(world)[1]


def test_nothing_is_begun_while_the_collector_is_away(world: World) -> None:
    world.wishes("2.0")
    world.line = False
    starts = world.starts
    world.sleep(5)
    world.run()
    assert told(world)[0] == "waiting"
    assert "has not acknowledged anything" in told(world)[1]
    assert world.starts == starts
    world.line = True
    world.run()
    assert (world.release, told(world)[0]) == ("2.0", "current")


def test_a_line_that_goes_away_during_a_trial_is_not_blamed_on_the_release(world: World) -> None:
    world.wishes("2.0")
    world.sleep(60)
    back_s = world.now_s + 6000

    def weather() -> None:
        world.line = world.now_s > back_s

    world.on_sleep = weather
    world.run()
    # It was tried, returned from, and there the line was still away.
    assert (world.release, told(world)[0]) == ("1.0", "waiting")
    assert Journal(world.places.state).load().bad == ()
    world.now_s = back_s + 1
    world.sleep(60)
    world.run()
    assert (world.release, told(world)[0]) == ("2.0", "current")


def test_where_the_microphone_was_dead_before_an_update_is_still_possible(world: World) -> None:
    world.microphone = "dead"
    world.sleep(60)
    world.wishes("2.0")
    world.run()
    assert (world.release, told(world)[0]) == ("2.0", "current")
    # What does not even stay up is returned from, all the same.
    world.wishes("3.0crash")
    world.run()
    assert (world.release, told(world)[0]) == ("2.0", "returned")


def test_what_takes_the_computer_down_is_returned_from(world: World) -> None:
    world.wishes("2.0kill")
    for _ in range(5):
        try:
            world.run()
            break
        except PowerCutError:
            world.switch_on()
    assert world.release == "1.0"
    assert told(world)[0] == "returned"
    assert "the node was restarted" in told(world)[1]


def test_a_state_that_cannot_be_read_is_told(world: World) -> None:
    (world.places.state / STATE_FILE).write_text("{")
    with pytest.raises(UpdateError, match="cannot read its state"):
        world.run()


def test_two_updaters_never_meet(world: World) -> None:
    met: list[str] = []

    def second() -> None:
        if not met:
            met.append("")
            with pytest.raises(UpdateError, match="another updater"):
                world.run()

    world.on_sleep = second
    world.wishes("2.0")
    world.run()
    assert met
    assert world.release == "2.0"


def test_going_back_is_possible_on_a_full_disk(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was fetched gives way to what must be remembered."""
    fetched = world.places.state / "files" / "ab"
    save = Journal.save

    def save_where_there_is_room(journal: Journal, state: object) -> None:
        if fetched.exists():
            raise OSError(28, "No space left on device")
        save(journal, state)  # type: ignore[arg-type]

    def fill() -> None:
        if world.release == "2.0deaf" and not filled:
            filled.append("")
            fetched.write_bytes(b"x")

    filled: list[str] = []
    monkeypatch.setattr(Journal, "save", save_where_there_is_room)
    world.on_sleep = fill
    world.wishes("2.0deaf")
    world.run()
    assert filled
    assert (world.release, told(world)[0]) == ("1.0", "returned")


CONFIGS = {"": None, "good": GOOD, "deaf": f'node = "{NODE}"\n# deaf\n'}


BUSY: Any = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
"""A busy machine is slow, whatever it draws."""

WISHED = st.lists(
    st.tuples(
        st.sampled_from(["2.0", "3.0", "2.0deaf", "2.0crash", "2.0mute", None]),
        st.sampled_from(sorted(CONFIGS)),
    ),
    min_size=1,
    max_size=3,
)


def fulfilled(world: World, stopper: Stopper, cuts: list[tuple[int, bool]]) -> None:
    """Run the updater to its end, through power cuts; each start finds something whole."""
    while True:
        if cuts:
            steps, after = cuts.pop()
            stopper.cut(steps, after=after)
        try:
            world.run()
            break
        except PowerCutError:
            stopper.hold()
            world.switch_on()
    stopper.hold()


@settings(max_examples=60, **BUSY)
@given(WISHED, st.lists(st.tuples(st.integers(1, 30), st.booleans()), max_size=2))
def test_whenever_the_power_goes_it_ends_with_what_works(
    tmp_path_factory: pytest.TempPathFactory,
    wished: list[tuple[str | None, str]],
    cuts: list[tuple[int, bool]],
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        world, stopper = World(tmp_path_factory.mktemp("node")), Stopper(monkeypatch)
        release, config = world.release, world.config
        for number, (version, kind) in enumerate(wished, start=1):
            text = CONFIGS[kind]
            world.wishes(version, None if text is None else (number, text), again=True)
            fulfilled(world, stopper, cuts)
            bad = version is not None and version[3:] != ""
            if version is not None and not bad:
                release = version
            if text == GOOD and not bad:
                config = GOOD
            assert (world.release, world.config) == (release, config)
            expected = "returned" if bad or kind == "deaf" else "current"
            assert (world.report.state, world.report.wish) == (expected, number)


@settings(max_examples=40, **BUSY)
@given(WISHED, st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=3, max_size=12))
def test_however_often_the_power_goes_it_ends_with_something_that_works(
    tmp_path_factory: pytest.TempPathFactory,
    wished: list[tuple[str | None, str]],
    cuts: list[tuple[int, bool]],
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        world, stopper = World(tmp_path_factory.mktemp("node")), Stopper(monkeypatch)
        for number, (version, kind) in enumerate(wished, start=1):
            text = CONFIGS[kind]
            world.wishes(version, None if text is None else (number, text), again=True)
            fulfilled(world, stopper, cuts)
            assert not {"deaf", "crash", "mute"} & set(re.split(r"\W+|[0-9.]+", world.behaviour))
            assert world.report.state in {"current", "returned"}
            assert world.report.wish == number


def test_releases_of_one_version_are_told_apart_by_what_is_in_them(world: World) -> None:
    world.wishes("2.0")
    world.run()
    first = world.places.current.readlink().name
    world.wishes(replace(wanted("2.0"), manifest_sha256="0" * 64))
    world.run()
    assert world.places.current.readlink().name == "2.0-000000000000" != first
