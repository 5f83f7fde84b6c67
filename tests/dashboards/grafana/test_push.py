"""What is pushed stands there as it should, once; what goes wrong is one sentence."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import typer
from typer.testing import CliRunner

from collector.writing import CODES
from dashboards.commands.dashboards_push import TOKEN_VARIABLE, dashboards_push
from dashboards.grafana.alerts import GROUP, rule_group
from dashboards.grafana.build import BOARDS, rendered
from dashboards.grafana.influxql import DATASOURCE_UID
from dashboards.grafana.push import Grafana, GrafanaPushError, InfluxSource, Pushed
from tests.dashboards.grafana.server import TOKEN, State, serving
from tests.peers import free_port

SOURCE = InfluxSource(url="http://influxdb:8086", user="grafana", password="secret")  # noqa: S106


@pytest.fixture
def state() -> State:
    """What the Grafana holds: nothing yet."""
    return State()


@pytest.fixture
def url(state: State) -> Iterator[str]:
    """Where it is."""
    with serving(state) as address:
        yield address


def _push(
    url: str,
    source: InfluxSource | None = SOURCE,
    token: str = TOKEN,
    *,
    alerts: bool = True,
) -> list[Pushed]:
    with Grafana(url, token) as grafana:
        return list(grafana.push(source, alerts=alerts))


def test_everything_stands_there_as_it_was_made(url: str, state: State) -> None:
    pushed = _push(url)
    assert {one.change for one in pushed} == {"made"}
    assert {uid: one["title"] for uid, one in state.folders.items()} == {
        "skolro": "Skolro", "skolro-en": "Skolro (English)",
    }  # fmt: skip
    assert len(state.dashboards) == len(BOARDS) * len(CODES)
    for path, text in rendered().items():
        wanted = json.loads(text)
        found = state.dashboards[wanted["uid"]]
        there = {k: v for k, v in found["dashboard"].items() if k not in {"id", "version"}}
        assert there == {k: v for k, v in wanted.items() if k not in {"id", "version"}}
        in_swedish = path.startswith("sv/")
        assert found["meta"]["folderUid"] == ("skolro" if in_swedish else "skolro-en")
    source = state.sources[DATASOURCE_UID]
    assert (source["url"], source["jsonData"]["dbName"]) == ("http://influxdb:8086", "skolro")
    assert source["secureJsonData"] == {"password": "secret"}
    rules = state.groups["skolro", GROUP]["rules"]
    assert [rule["uid"] for rule in rules] == [
        rule["uid"] for rule in rule_group("skolro")["rules"]
    ]


def test_again_changes_nothing(url: str, state: State) -> None:
    source = InfluxSource(url="http://influxdb:8086")
    _push(url, source)
    before = len(state.changes)
    again = _push(url, source)
    assert {one.change for one in again} == {"unchanged"}
    assert len(state.changes) == before
    assert {one["dashboard"]["version"] for one in state.dashboards.values()} == {1}


def test_only_what_was_changed_is_written(url: str, state: State) -> None:
    source = InfluxSource(url="http://influxdb:8086")
    _push(url, source)
    state.dashboards["skolro-site"]["dashboard"]["title"] = "Something else"
    state.folders["skolro"]["title"] = "Old name"
    state.groups["skolro", GROUP]["rules"][0]["condition"] = "B"
    state.sources[DATASOURCE_UID]["url"] = "http://elsewhere:8086"
    state.changes.clear()
    pushed = _push(url, source)
    assert {(one.kind, one.name) for one in pushed if one.change == "changed"} == {
        ("data source", "Skolro"), ("folder", "Skolro"), ("dashboard", "Mätplats"),
        ("alert rules", GROUP),
    }  # fmt: skip
    assert len(state.changes) == 4
    assert state.dashboards["skolro-site"]["dashboard"]["version"] == 2
    assert {one.change for one in _push(url, source)} == {"unchanged"}


def test_a_dashboard_that_was_moved_is_moved_back(url: str, state: State) -> None:
    _push(url)
    state.dashboards["skolro-fleet"]["meta"]["folderUid"] = "skolro-en"
    _push(url)
    assert state.dashboards["skolro-fleet"]["meta"]["folderUid"] == "skolro"


def test_a_given_password_is_set_anew(url: str, state: State) -> None:
    _push(url)
    renewed = InfluxSource(url="http://influxdb:8086", user="grafana", password="another")  # noqa: S106
    assert _push(url, renewed)[0] == Pushed("data source", "Skolro", "changed")
    assert state.sources[DATASOURCE_UID]["secureJsonData"] == {"password": "another"}


def test_a_data_source_that_is_there_can_be_left_alone(url: str, state: State) -> None:
    _push(url)
    state.changes.clear()
    assert _push(url, None)[0].change == "left alone"
    state.sources[DATASOURCE_UID]["readOnly"] = True
    other = InfluxSource(url="http://elsewhere:8086")
    assert _push(url, other)[0].change == "left alone"
    assert state.changes == []


def test_people_may_change_the_rules_in_grafana(url: str, state: State) -> None:
    _push(url)
    assert any(one.get("X-Disable-Provenance") == "true" for one in state.headers)


def test_a_grafana_without_that_api_gets_the_rest(url: str, state: State) -> None:
    state.has_alerting = False
    assert _push(url)[-1] == Pushed("alert rules", GROUP, "not supported")
    assert len(state.dashboards) == len(BOARDS) * len(CODES)
    assert _push(url, None, alerts=False)[-1].kind == "dashboard"


def test_a_grafana_below_a_path_is_reached() -> None:
    state = State(prefix="/grafana")
    with serving(state) as url:
        _push(f"{url}/")
    assert state.dashboards


def _hang_up(listener: socket.socket) -> None:
    listener.accept()[0].close()


class TestFaults:
    """Each is one sentence that says what to do."""

    def test_a_wrong_token(self, url: str, state: State) -> None:
        with pytest.raises(
            GrafanaPushError, match=r"does not know the token \(Invalid API key\): make one"
        ):
            _push(url, token="wrong")  # noqa: S106
        assert state.changes == []

    def test_a_token_that_may_not(self, url: str, state: State) -> None:
        state.may_write = False
        with pytest.raises(GrafanaPushError, match=r"does not let the token .* role Admin"):
            _push(url)

    def test_no_server(self) -> None:
        with pytest.raises(GrafanaPushError, match=r"no Grafana answers at .*: is it running"):
            _push(f"http://127.0.0.1:{free_port()}")

    def test_a_server_that_hangs_up(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            Thread(target=_hang_up, args=(listener,), daemon=True).start()
            with pytest.raises(GrafanaPushError, match="no Grafana answers"):
                _push(f"http://127.0.0.1:{listener.getsockname()[1]}")

    @pytest.mark.parametrize("kind", ["text/html", "application/json"])
    def test_something_that_is_no_grafana(self, kind: str) -> None:
        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(b"<html>hello</html>")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(GrafanaPushError, match=r"is no Grafana|no Grafana answers"):
            _push(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
        server.server_close()

    @pytest.mark.parametrize("address", ["grafana.example.se", "ftp://grafana", "http://", ""])
    def test_an_address_that_is_none(self, address: str) -> None:
        with pytest.raises(GrafanaPushError, match="is no address of a Grafana"):
            Grafana(address, TOKEN)

    def test_no_data_source(self, url: str) -> None:
        with pytest.raises(GrafanaPushError, match=r"has no data source .* --influxdb-url"):
            _push(url, None)

    def test_dashboards_that_come_from_files_there(self, url: str, state: State) -> None:
        _push(url)
        found = state.dashboards["skolro-overview"]
        found["meta"]["provisioned"] = True
        found["dashboard"]["title"] = "Other"
        with pytest.raises(GrafanaPushError, match=r"refuses .*400: Cannot save provisioned"):
            _push(url)


class TestCommand:
    """`skolro dashboards push`."""

    @pytest.fixture
    def app(self) -> typer.Typer:
        """The command alone."""
        made = typer.Typer()
        made.command()(dashboards_push)
        return made

    def test_it_tells_what_became_of_each(
        self, app: typer.Typer, url: str, state: State, tmp_path: Path
    ) -> None:
        token, password = tmp_path / "token", tmp_path / "password"
        token.write_text(f"{TOKEN}\n")
        password.write_text("secret\n")
        options = ["--url", url, "--token-file", str(token), "--influxdb-url", "http://i:8086",
                   "--influxdb-bucket", "b", "--influxdb-user", "u",
                   "--influxdb-password-file", str(password)]  # fmt: skip
        result = CliRunner().invoke(app, options)
        assert result.exit_code == 0, result.output
        assert "made: dashboard Mönster i buskörning\n" in result.output
        source = state.sources[DATASOURCE_UID]
        assert (source["user"], source["jsonData"]["dbName"]) == ("u", "b")
        assert source["secureJsonData"] == {"password": "secret"}

    def test_the_token_may_come_from_the_environment(
        self, app: typer.Typer, url: str, state: State, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
        result = CliRunner().invoke(app, ["--url", url, "--influxdb-url", "http://i:8086"])
        assert result.exit_code == 0, result.output
        assert state.groups

    def test_without_a_token_it_says_how_to_give_one(
        self, app: typer.Typer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
        for options, sentence in (
            ([], "a token is needed"),
            (["--token-file", str(tmp_path / "none")], "cannot read"),
        ):
            result = CliRunner().invoke(app, ["--url", "http://localhost", *options])
            assert isinstance(result.exception, GrafanaPushError)
            assert sentence in str(result.exception)
