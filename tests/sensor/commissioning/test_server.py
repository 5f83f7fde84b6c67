from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple, get_args
from urllib.parse import urlencode

import pytest

from sensor.acoustics.tone import Fault
from sensor.commissioning.ears import MEASURED_S
from sensor.commissioning.gate import Gate
from sensor.commissioning.opening import TRIES, Door
from sensor.commissioning.page import texts
from sensor.commissioning.problems import Problem
from sensor.commissioning.server import MOST_BODY
from sensor.config import CommissioningPage
from sensor.contract.quantities import SpeedRefusal
from tests.peers import free_port, wait_for
from tests.sensor.commissioning.bench import NODE, Bench, bench
from tests.sensor.commissioning.sounds import quiet


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str

    def json(self) -> Any:
        return json.loads(self.text)


class Phone:
    """A phone that talks to the page."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.cookie = ""
        self.csrf = ""

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            if self.cookie:
                named["Cookie"] = self.cookie
            connection.request(method, path, body, named)
            answer: HTTPResponse = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, told, answer.read().decode())
        finally:
            connection.close()

    def log_in(self, code: str) -> Answer:
        answer = self.ask("POST", "/login", urlencode({"code": code}).encode())
        if answer.status == 303:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
            token = re.search(r'data-csrf="([0-9a-f]{64})"', self.ask("GET", "/").text)
            assert token is not None
            self.csrf = token[1]
        return answer

    def act(self, name: str, body: Any = None, **headers: str) -> Answer:
        content = json.dumps({} if body is None else body).encode()
        return self.ask("POST", f"/act/{name}", content, **{"X_CSRF_Token": self.csrf, **headers})


class Open(NamedTuple):
    bench: Bench
    door: Door
    gate: Gate
    code: str
    port: int


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    port = free_port()
    door = Door(tmp_path)
    with bench(tmp_path) as made:
        made.work.end_hearing()
        gate = Gate(CommissioningPage(listen="127.0.0.1", port=port), NODE, door, made.work)
        code = door.open()
        gate.look()
        yield Open(made, door, gate, code, port)
        gate.close()


def test_nothing_is_told_without_the_code(opened: Open) -> None:
    phone = Phone(opened.port)
    page = phone.ask("GET", "/")
    assert page.status == 200
    assert "Driftsättning" in page.text
    assert "data-csrf" not in page.text
    assert phone.ask("GET", "/state").status == 401
    assert phone.act("begin", {"technician": "Anna", "organisation": ""}).status == 401
    assert phone.ask("GET", "/opening.json").status == 404
    assert phone.ask("GET", "/../opening.json").status == 404


def test_the_code_lets_one_phone_in_that_can_work(opened: Open) -> None:
    phone = Phone(opened.port)
    answer = phone.log_in(opened.code)
    assert answer.status == 303
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=Strict" in answer.headers["set-cookie"]
    opened.gate.look()
    assert phone.ask("GET", "/state").json()["now"] is None
    begun = phone.act("begin", {"technician": "Anna Ek", "organisation": "Kommunen"})
    assert begun.status == 200
    assert begun.json()["now"]["technician"] == "Anna Ek"
    assert phone.act("levels").status == 200
    opened.bench.play(quiet(MEASURED_S + 1))
    state = phone.ask("GET", "/state").json()
    assert state["now"]["findings"]["levels"]["seconds"] == MEASURED_S
    assert len(state["now"]["channels"]) == 2
    assert {"point": "levels_not_done", "step": "levels"} not in state["open"]
    # Nobody else can follow.
    other = Phone(opened.port)
    late = other.log_in(opened.code)
    assert late.status == 200
    assert "redan använd" in late.text


def test_guessing_is_counted_and_ends_it(opened: Open) -> None:
    phone = Phone(opened.port)
    assert f"Försök kvar: {TRIES - 1}." in phone.log_in("AAAA-AAAA").text
    for _ in range(TRIES - 1):
        phone.log_in("AAAA-AAAA")
    assert "inte öppen" in phone.log_in(opened.code).text
    opened.gate.look()
    with pytest.raises(OSError, match="refused"):
        phone.ask("GET", "/")


def test_only_its_own_page_may_act(opened: Open) -> None:
    phone = Phone(opened.port)
    phone.log_in(opened.code)
    body = {"technician": "Anna", "organisation": ""}
    assert phone.act("begin", body, X_CSRF_Token="0" * 64).status == 403
    assert phone.act("begin", body, Sec_Fetch_Site="cross-site").status == 403
    assert phone.ask("GET", "/state").json()["now"] is None


@pytest.mark.parametrize(
    ("name", "body", "told"),
    [
        ("begin", {"technician": "", "organisation": ""}, "technician"),
        ("begin", {"technician": "Anna"}, "organisation"),
        ("drive", {"event": "x", "known_kmh": 40, "known_by": "gps", "direction": 1}, "event"),
        ("place", {"mic_height_m": -1}, "invalid"),
        ("levels", {"other": 1}, "other"),
        ("tap", {"microphone": 2}, "microphone"),
        ("clock", [], "object"),
    ],
)
def test_what_is_filled_in_wrong_is_told(opened: Open, name: str, body: Any, told: str) -> None:
    phone = Phone(opened.port)
    phone.log_in(opened.code)
    answer = phone.act(name, body)
    assert answer.status == 422
    assert told in answer.text


def test_what_is_no_json_is_told(opened: Open) -> None:
    phone = Phone(opened.port)
    phone.log_in(opened.code)
    answer = phone.ask("POST", "/act/levels", b"\xff{", X_CSRF_Token=phone.csrf)
    assert answer.status == 422
    assert answer.json()["error"] == "invalid"


def test_nothing_large_is_read(opened: Open) -> None:
    phone = Phone(opened.port)
    assert phone.ask("POST", "/login", b"x" * (MOST_BODY + 1)).status == 413
    assert phone.ask("POST", "/login", Content_Length="many").status == 413
    assert phone.ask("GET", "/" + "x" * 70_000).status == 414


def test_connections_that_only_stand_there_do_not_fill_it(opened: Open) -> None:
    standing = [socket.create_connection(("127.0.0.1", opened.port)) for _ in range(40)]
    try:
        for one in standing[20:]:
            one.close()
        for one in standing[:20]:
            one.close()
        wait_for(lambda: _answers(opened.port), what="it does not answer any more")
    finally:
        for one in standing:
            one.close()


def _answers(port: int) -> bool:
    try:
        return Phone(port).ask("GET", "/page.css").status == 200
    except OSError:
        time.sleep(0.05)
        return False


def test_every_answer_keeps_the_page_to_itself(opened: Open) -> None:
    for path in ("/", "/page.js", "/state", "/nothing"):
        headers = Phone(opened.port).ask("GET", path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_leaving_closes_the_door(opened: Open) -> None:
    phone = Phone(opened.port)
    phone.log_in(opened.code)
    opened.gate.look()
    assert phone.act("leave").json() == {"closed": True}
    opened.gate.look()
    with pytest.raises(OSError, match="refused"):
        phone.ask("GET", "/")
    assert not opened.bench.work.at_work


def test_the_language_is_kept(opened: Open) -> None:
    phone = Phone(opened.port)
    answer = phone.ask("GET", "/?lang=en")
    assert "Commissioning of the node" in answer.text
    assert answer.headers["set-cookie"].startswith("lang=en;")
    phone.cookie = "lang=en"
    assert "Commissioning of the node" in phone.ask("GET", "/").text


def test_a_port_that_is_taken_is_told_and_measuring_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with bench(tmp_path) as made, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        door = Door(tmp_path)
        door.open()
        gate = Gate(CommissioningPage(listen="127.0.0.1", port=port), NODE, door, made.work)
        gate.look()
        assert f"cannot listen at 127.0.0.1:{port}" in caplog.text
        assert door.look() is None
        gate.close()


def test_both_languages_have_all_texts() -> None:
    swedish, english = texts("sv"), texts("en")
    assert {g: set(t) for g, t in swedish.items()} == {g: set(t) for g, t in english.items()}
    for group, these in swedish.items():
        for name, text in these.items():
            fields = re.findall(r"\{\w+\}", text)
            assert sorted(fields) == sorted(re.findall(r"\{\w+\}", english[group][name])), name
    assert set(swedish["problems"]) == {*get_args(Problem), "invalid"}
    assert set(swedish["refused"]) == set(get_args(SpeedRefusal))
    assert set(swedish["why_not"]) == set(get_args(Fault))
