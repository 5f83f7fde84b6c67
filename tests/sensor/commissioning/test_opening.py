from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from sensor.commissioning.opening import TRIES, Door
from sensor.errors import CommissioningError


def test_a_code_lets_one_phone_in_once(tmp_path: Path) -> None:
    door = Door(tmp_path)
    code = door.open()
    assert re.fullmatch(r"[A-HJ-NP-Z2-9]{4}-[A-HJ-NP-Z2-9]{4}", code)
    session = door.try_code(f" {code.lower().replace('-', ' ')} ")
    assert session is not None
    assert door.knows(session)
    assert door.try_code(code) is None
    assert not door.knows("")
    assert not door.knows(session + "x")


def test_what_is_kept_holds_neither_code_nor_session_and_is_the_nodes_alone(tmp_path: Path) -> None:
    door = Door(tmp_path)
    code = door.open()
    session = door.try_code(code)
    kept = door.path.read_text()
    assert session is not None
    assert session not in kept
    assert code not in kept
    assert code.replace("-", "") not in kept
    assert stat.S_IMODE(door.path.stat().st_mode) == 0o600


def test_few_wrong_codes_close_it_whoever_restarts_the_node(tmp_path: Path) -> None:
    code = Door(tmp_path).open()
    for _ in range(TRIES):
        assert Door(tmp_path).try_code("AAAA-AAAA") is None
    assert Door(tmp_path).look() is None
    assert Door(tmp_path).try_code(code) is None


def test_wrong_codes_do_not_send_away_who_is_in(tmp_path: Path) -> None:
    door = Door(tmp_path)
    session = door.try_code(door.open())
    for _ in range(2 * TRIES):
        assert door.try_code("AAAA-AAAA") is None
    assert session is not None
    assert door.knows(session)


def test_it_closes_when_its_time_has_passed(tmp_path: Path) -> None:
    door = Door(tmp_path)
    session = door.try_code(door.open(minutes=2))
    door.pass_time(119)
    assert session is not None
    assert door.knows(session)
    door.pass_time(2)
    assert not door.knows(session)
    assert door.look() is None


def test_a_new_code_ends_the_session_before(tmp_path: Path) -> None:
    door = Door(tmp_path)
    session = door.try_code(door.open())
    door.open()
    assert session is not None
    assert not door.knows(session)


def test_a_file_that_is_something_else_is_told(tmp_path: Path) -> None:
    door = Door(tmp_path)
    door.open()
    door.path.write_text('{"left_s": -1}')
    with pytest.raises(CommissioningError, match=r"opening\.json is not what it should be"):
        door.look()
