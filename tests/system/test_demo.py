"""``skolro demo``, as a person runs it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest
import soundfile

from tests.influx import running
from tests.peers import free_port, wait_for
from tests.system.chain import Reader

RATE = 16_000
FULL_SCALE_PA = 20.0


def demo(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "skolro", "demo", *(str(argument) for argument in arguments)]


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, timeout=180
    )


def belonging_to(folder: Path) -> list[str]:
    """Command lines of the processes that name `folder`, this one left out."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in text and path.parent.name != str(os.getpid()):
            found.append(text)
    return found


@dataclass
class Ended:
    folder: Path
    summary: dict[str, Any]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """A demo that has played a burst of 90 dB and ended by itself."""
    folder = tmp_path_factory.mktemp("demo")
    sound = 2e-4 * np.random.default_rng(1).standard_normal(8 * RATE)
    tone = np.sqrt(2) * np.sin(2 * np.pi * 1000 * np.arange(2 * RATE) / RATE)
    sound[3 * RATE : 5 * RATE] += 20e-6 * 10 ** (90 / 20) * tone
    soundfile.write(folder / "burst.wav", sound / FULL_SCALE_PA, RATE, subtype="FLOAT")
    process = run(
        *demo("--input", f"recording:{folder / 'burst.wav'}"),
        *("--full-scale-pa", str(FULL_SCALE_PA), "--for", "5", "--json"),
        *("--data", folder / "data", "--port", str(free_port())),
    )
    assert process.returncode == 0, process.stderr
    return Ended(folder / "data", json.loads(process.stdout.splitlines()[-1]))


def test_it_ends_by_itself_with_a_summary_and_nothing_lost(ended: Ended) -> None:
    assert ended.summary["address"].startswith("http://127.0.0.1:")
    assert ended.summary["nodes"] == 3
    assert ended.summary["messages"] > 4000
    assert (ended.summary["lost"], ended.summary["quarantined"]) == (0, 0)


def test_what_was_played_is_an_event_with_its_level(ended: Ended) -> None:
    heard = [event for event in ended.summary["events"] if event["node"] == "ekskolan-1"]
    assert [event["lafmax_db"] for event in heard] == [pytest.approx(90.0, abs=0.2)]
    assert set(heard[0]) == {"node", "start", "duration_s", "lafmax_db"}


def test_no_process_is_left(ended: Ended) -> None:
    assert belonging_to(ended.folder) == []


def test_other_commands_work_on_its_folder_afterwards(ended: Ended) -> None:
    config = ("--config", ended.folder / "collector.toml")
    listed = run(sys.executable, "-m", "skolro", "node", "list", "--json", *config)
    nodes = {node["node"]: node for node in json.loads(listed.stdout)}
    assert set(nodes) == {"ekskolan-1", "ekskolan-2", "askolan-1"}
    assert not any(node["online"] for node in nodes.values())


def test_a_summary_of_its_past_can_be_made_and_checked(ended: Ended, tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    made = run(
        *(sys.executable, "-m", "skolro", "evidence", "export", "--site", "askolan"),
        *("--from", str(today - timedelta(days=9)), "--to", str(today - timedelta(days=7))),
        *("--config", ended.folder / "collector.toml", "--out", tmp_path),
    )
    assert made.returncode == 0, made.stderr
    fingerprint = made.stdout.split()[-1].rstrip(".")
    (archive,) = tmp_path.glob("*.zip")
    verified = run(
        *(sys.executable, "-m", "skolro", "evidence", "verify", archive),
        *("--fingerprint", fingerprint),
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_real_source_has_no_simulated_history(ended: Ended) -> None:
    config = ("--config", ended.folder / "collector.toml")
    listed = run(sys.executable, "-m", "skolro", "node", "list", "--json", *config)
    nodes = {node["node"]: node for node in json.loads(listed.stdout)}
    assert nodes["ekskolan-1"]["simulated"] is False
    assert nodes["ekskolan-1"]["highest_seq"] < 10
    assert nodes["ekskolan-2"]["simulated"] is True
    assert nodes["ekskolan-2"]["highest_seq"] > 2000


def test_an_influxdb_is_fed_with_the_history_too(ended: Ended) -> None:
    with contextmanager(running)() as influx:
        process = run(
            *demo("--data", ended.folder, "--port", str(free_port()), "--influxdb", influx.url),
            *("--for", "25", "--json"),
        )
        assert process.returncode == 0, process.stderr
        query = "SELECT count(laeq_db) FROM hours.sound_level_1h GROUP BY node"
        hours = {row["node"]: row["count"] for row in influx.query("skolro", query)}
    assert hours["ekskolan-2"] > 1000
    assert hours["askolan-1"] > 1000


def test_who_may_log_in_is_printed_and_ctrl_c_ends_it_and_leaves_no_process(
    ended: Ended, tmp_path: Path
) -> None:
    port = free_port()
    told = tmp_path / "told"
    with told.open("w") as errors:
        process = subprocess.Popen(
            demo("--data", ended.folder, "--port", str(port)),
            stdout=subprocess.PIPE, stderr=errors, text=True,
        )  # fmt: skip
    wait_for(lambda: _online(port) >= 2, timeout_s=180, what="the nodes are not online")
    may_see = _what_each_may_see(f"http://127.0.0.1:{port}", told.read_text(encoding="utf-8"))
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, told.read_text(encoding="utf-8")
    assert "0 lost, 0 quarantined" in out
    assert belonging_to(ended.folder) == []
    assert may_see == {
        "demo-police": 200, "demo-municipality": 200, "demo-technician": 200,
        "demo-administrator": 200, "demo-school": 403,
    }  # fmt: skip


def _what_each_may_see(address: str, told: str) -> dict[str, int]:
    """The answer to each of the accounts that the demo tells of, asking for single events."""
    names = re.search(r"Log in as ([a-z, \n-]+)\nwith the password (\S+)", told)
    assert names is not None, told
    found = {}
    for name in re.split(r",\s+", names[1]):
        reader = Reader(address, name, names[2])
        found[name] = reader.pages.get("/api/v1/events").status_code
        reader.close()
    return found


def _online(port: int) -> int:
    """How many nodes are online, as anybody's Prometheus may know."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            told = answer.read().decode()
    except OSError:
        return 0
    return len(re.findall(r"^skolro_node_online\{.*\} 1\.0$", told, re.MULTILINE))


def test_a_demo_that_is_killed_takes_its_children_with_it(ended: Ended) -> None:
    port = free_port()
    process = subprocess.Popen(demo("--data", ended.folder, "--port", str(port)))
    wait_for(lambda: _online(port) >= 1, timeout_s=180, what="no node is online")
    process.kill()
    process.wait()
    wait_for(lambda: not belonging_to(ended.folder), timeout_s=30, what="processes are left")


def test_a_taken_port_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = run(*demo("--port", str(port), "--data", tmp_path))
    assert process.returncode == 2
    assert process.stderr.startswith(f"skolro: port {port} on 127.0.0.1 cannot be used")
    assert len(process.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--input", "recording:/none.wav"), "no recording at /none.wav"),
        (("--input", "recording:/etc/passwd"), "/etc/passwd is not a sound file"),
        (("--input", "tape"), "--input tape is not known"),
        (("--full-scale-pa", "2"), "--full-scale-pa goes with"),
        (("--data", "/proc/none"), "--data /proc/none cannot be made"),
    ],
)
def test_wrong_input_is_one_sentence_with_status_2(
    arguments: tuple[str, ...], sentence: str
) -> None:
    process = run(*demo(*arguments))
    assert process.returncode == 2
    assert len(process.stderr.splitlines()) == 1
    assert sentence in process.stderr
