from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from deploy.demo_folder import Table, toml
from sensor.contract import codec
from sensor.contract.messages import Event, Health, LevelBatch, Message
from sensor.contract.systemd import Notifier
from sensor.identity import load_or_make_key
from sensor.inputs import open_input
from sensor.inputs.street import StreetConfig
from sensor.outbox import Outbox
from sensor.watchdog import Watchdog
from tests.peers import free_port, wait_for
from tests.service_manager import ServiceManager

NODE = "ekskolan-1"
STREET: Table = {"kind": "street", "seed": 2, "event_interval_s": 4.0}


def write_config(folder: Path, source: Table, **tables: Table) -> Path:
    path = folder / "node.toml"
    head: Table = {"node": NODE, "data_dir": "data"}
    broker: Table = {"port": free_port()}
    path.write_text(toml({"": head, "broker": broker, "input": source, **tables}))
    return path


def start(
    config: Path, *options: str, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "skolro", "sensor", "run", "--config", str(config), *options],
        stderr=subprocess.PIPE, text=True, env=os.environ | dict(environment or {}),
    )  # fmt: skip


def stored(folder: Path) -> list[Message]:
    data_dir = folder / "data"
    with Outbox(data_dir / "outbox.sqlite", NODE, load_or_make_key(data_dir)) as outbox:
        return [codec.decode(pending.payload) for pending in outbox.pending(limit=1000)]


def test_sigterm_ends_it_with_status_0_and_everything_stored(tmp_path: Path) -> None:
    process = start(write_config(tmp_path, STREET), "--offline")
    outbox = tmp_path / "data" / "outbox.sqlite"
    wait_for(lambda: outbox.exists() and stored(tmp_path), timeout_s=30)
    wait_for(lambda: any(isinstance(message, Event) for message in stored(tmp_path)), timeout_s=60)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    messages = stored(tmp_path)
    assert [message.seq for message in messages] == list(range(1, len(messages) + 1))
    assert any(isinstance(message, Health) for message in messages)
    # The minute that was under way is there too, up to the last second.
    batches = [message for message in messages if isinstance(message, LevelBatch)]
    end = max(m.start.timestamp() + m.duration_s for m in messages if isinstance(m, Event))
    covered = batches[-1].start.timestamp() + len(batches[-1].laeq_db)
    assert covered >= end - 1


def test_a_light_that_is_not_there_stops_no_measurement(tmp_path: Path) -> None:
    source: Table = {"kind": "street", "duration_s": 2.0, "real_time": False}
    config = write_config(tmp_path, source, light={"led": "no-such-light"})
    _, errors = start(config, "--offline").communicate(timeout=60)
    assert "the light no-such-light cannot be used" in errors
    assert any(isinstance(message, LevelBatch) for message in stored(tmp_path))


def test_it_tells_its_service_manager_and_feeds_the_watchdog(tmp_path: Path) -> None:
    with ServiceManager(watchdog_s=0.9) as manager:
        config = write_config(tmp_path, STREET)
        options = ("--offline", "--log-format", "json")
        process = start(config, *options, environment=manager.environment)
        manager.expect("READY=1", 60)
        manager.expect("STATUS=measuring", 60)
        wait_for(lambda: manager.heard.count("WATCHDOG=1") >= 3, timeout_s=30)
        process.send_signal(signal.SIGTERM)
        manager.expect("STOPPING=1", 30)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert all(json.loads(line)["level"] for line in errors.splitlines())


def test_a_node_that_hangs_does_not_feed_the_watchdog() -> None:
    with ServiceManager() as manager, open_input(StreetConfig()) as source:
        watchdog = Watchdog(Notifier(manager.environment), source)
        watchdog.feed()
        assert manager.heard == []
        watchdog.passed()
        watchdog.feed()
        watchdog.feed()
        assert manager.heard == ["WATCHDOG=1", "STATUS=measuring"]


def test_what_ends_it_is_said_as_json_too(tmp_path: Path) -> None:
    process = start(write_config(tmp_path, STREET), "--log-format", "json")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    last = json.loads(errors.splitlines()[-1])
    assert (last["level"], last["logger"]) == ("critical", "skolro")
    assert "no MQTT broker answers" in last["message"]


def test_a_node_that_was_never_confirmed_needs_its_broker(tmp_path: Path) -> None:
    process = start(write_config(tmp_path, STREET))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors.count("\n") == 1
    assert "no MQTT broker answers" in errors
    assert "--offline" in errors


def test_a_node_that_was_confirmed_once_measures_without(tmp_path: Path) -> None:
    config = write_config(tmp_path, {"kind": "street", "duration_s": 2.0, "real_time": False})
    data_dir = tmp_path / "data"
    with Outbox(data_dir / "outbox.sqlite", NODE, load_or_make_key(data_dir)) as outbox:
        outbox.continue_from(5, "ab" * 32)
    process = start(config)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert stored(tmp_path)[0].seq == 5


@pytest.mark.parametrize(
    ("source", "tables", "sentence"),
    [
        ({"kind": "recording", "path": "/none.wav"}, {}, "/none.wav"),
        ({"kind": "recording", "path": "/etc/passwd"}, {}, "/etc/passwd"),
        ({"kind": "street", "sead": 1}, {}, "input.sead is not a known key: did you mean seed"),
        ({"kind": "street", "seed": "1"}, {}, "input.seed: expected `int`, got `str`"),
        ({"kind": "street"}, {"detector": {"level_db": 5}}, "detector.level_db"),
        ({"kind": "microphone"}, {}, ""),
    ],
    ids=["no file", "not audio", "unknown key", "wrong type", "out of range", "no sound card"],
)
def test_wrong_input_is_one_helpful_sentence_and_status_2(
    tmp_path: Path, source: Table, tables: dict[str, Table], sentence: str
) -> None:
    process = start(write_config(tmp_path, source, **tables), "--offline")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert len(errors.splitlines()) == 1
    assert errors.startswith("skolro: ")
    assert sentence in errors


def test_a_full_disk_is_said_in_one_sentence_with_status_2(tmp_path: Path) -> None:
    config = write_config(tmp_path, {**STREET, "real_time": False, "duration_s": 600.0})
    # A limit on the size of files stops SQLite in the same place as a full disk does.
    command = ["prlimit", "--fsize=60000", sys.executable, "-m", "skolro", "sensor", "run"]
    ended = subprocess.run(
        [*command, "--offline", "--config", str(config)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("skolro: cannot")
    assert "free space" in last
