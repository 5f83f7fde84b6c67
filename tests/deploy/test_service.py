"""The collector as a service: what it tells its manager, those who watch it, and its log."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from collector.database.database import open_database
from collector.registry.registry import Registry, Site
from deploy.demo_folder import Table, toml
from tests.peers import Broker, FakeNode, event, free_port, health, levels, wait_for
from tests.receivers import mailbox
from tests.service_manager import ServiceManager

FAILING = Path(__file__).with_name("failing_collector.py")


class Service:
    """A collector as a child process of a service manager; `more` is added to its configuration."""

    def __init__(self, folder: Path, broker: Broker, more: str = "") -> None:
        self.port = free_port()
        self.log = folder / "log"
        config: dict[str, Table] = {
            "": {"ledger": f"sqlite:///{folder / 'ledger.sqlite'}", "log_format": "json"},
            "broker": {"port": broker.port},
            "http": {"port": self.port},
        }
        self._config = folder / "collector.toml"
        self._config.write_text(f"{toml(config)}\n{more}", encoding="utf-8")
        engine = open_database(f"sqlite:///{folder / 'ledger.sqlite'}")
        registry = Registry(engine)
        registry.add_site(Site(id="ekskolan", name="Ekskolan"))
        self.node = FakeNode("ekskolan-1")
        self.node.register(registry, "ekskolan", datetime(2020, 1, 1, tzinfo=UTC))
        engine.dispose()

    @contextmanager
    def running(self, manager: ServiceManager, *program: str) -> Iterator[subprocess.Popen[bytes]]:
        """The process, ready; killed if it does not end by itself afterwards."""
        command = [sys.executable, *(program or ("-m", "skolro")), "collector", "serve"]
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                [*command, "--config", str(self._config)],
                stdout=log, stderr=log, cwd=Path(__file__).parents[2],
                env={"PYTHONPATH": ".", "PATH": "/usr/bin:/bin", **manager.environment},
            )  # fmt: skip
        try:
            manager.expect("READY=1", 40)
            yield process
        finally:
            process.terminate()
            process.wait(30)

    def said(self) -> list[dict[str, Any]]:
        """Its log, every line of which is a JSON object."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            return error.code, json.load(error)

    def metrics(self) -> dict[str, float]:
        """Every sample by name and labels, as Prometheus reads them."""
        with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            lines = answer.read().decode().splitlines()
        return {
            name: float(value)
            for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")
        }


@pytest.fixture
def service(tmp_path: Path, broker: Broker) -> Service:
    """A collector that is not started yet."""
    return Service(tmp_path, broker)


def test_it_tells_its_manager_feeds_the_watchdog_and_ends_in_order(service: Service) -> None:
    with ServiceManager(watchdog_s=1.5) as manager, service.running(manager) as process:
        manager.expect("STATUS=all is well")
        manager.forget()
        wait_for(lambda: manager.heard.count("WATCHDOG=1") >= 2)
        process.terminate()
        manager.expect("STOPPING=1")
        assert process.wait(20) == 0
    said = service.said()
    assert all({"time", "level", "logger", "message"} <= one.keys() for one in said)
    assert any("pages and API" in one["message"] for one in said)
    # Nobody has an account yet.
    assert any("skolro collector user add" in one["message"] for one in said)


def test_health_and_metrics_tell_what_is_there_and_what_is_wrong(
    service: Service, broker: Broker
) -> None:
    node = service.node
    with ServiceManager(watchdog_s=0.6) as manager, service.running(manager):
        node.connect(broker.host, broker.port)
        now = datetime.now(UTC)
        for message in (
            levels(node.name, now), event(node.name, now), health(node.name, now, outbox_depth=7)
        ):  # fmt: skip
            node.publish(node.signed(message))
        node.expect_ack(3)
        node.publish(node.signed(event("askolan-1", now)))
        assert service.get("/health/live")[0] == service.get("/health/ready")[0] == 200
        status, whole = service.get("/health")
        assert (status, whole["status"], whole["problems"]) == (200, "ok", [])

        def counted() -> dict[str, float]:
            return service.metrics()

        wait_for(lambda: counted().get('skolro_message_lag_seconds_count{kind="event"}') == 1)
        wait_for(lambda: sum(v for k, v in counted().items() if "quarantine_mess" in k) == 1)
        told = counted()
        assert told['skolro_messages_total{kind="levels"}'] == 1
        assert told['skolro_node_outbox_messages{node="ekskolan-1"}'] == 7
        assert told['skolro_node_online{node="ekskolan-1"}'] == 1
        age_s = (
            now.timestamp() - told['skolro_node_last_message_timestamp_seconds{node="ekskolan-1"}']
        )
        assert -60 < age_s < 60
        assert told["skolro_ack_delay_seconds_count"] >= 1
        assert told["skolro_ready"] == told["skolro_broker_connected"] == 1
        assert told["process_resident_memory_bytes"] > 1e6
        assert {name for name in told if "forwarder" in name} == set()

        broker.kill()
        wait_for(lambda: service.get("/health/ready")[0] == 503)
        status, whole = service.get("/health")
        assert (status, whole["status"], whole["live"]) == (200, "not_ready", True)
        (problem,) = whole["problems"]
        assert problem["part"] == "broker"
        assert re.search(rf"127\.0\.0\.1:{broker.port} is away", problem["text"])
        manager.expect("STATUS=the MQTT broker at")
        assert service.get("/health/live")[0] == 200
        assert counted()["skolro_broker_connected"] == 0
        node.close()


def test_alerts_are_sent_and_their_trouble_is_shown(tmp_path: Path, broker: Broker) -> None:
    with mailbox() as mail:
        recipient = f'[[alerts.recipients]]\nname="vakt"\nrole="police"\nurls=["{mail.url()}"]'
        service = Service(tmp_path, broker, f"[alerts]\nevery_s = 0.2\n{recipient}\n")
        node, now = service.node, datetime.now(UTC)
        with ServiceManager(watchdog_s=0.6) as manager, service.running(manager):
            node.connect(broker.host, broker.port)
            mail.refusing = True
            for minutes in range(12, 0, -2):
                node.publish(node.signed(event(node.name, now - timedelta(minutes=minutes))))
            node.expect_ack(6)
            wait_for(lambda: service.metrics()['skolro_alerts_open{kind="episode"}'] == 1)
            wait_for(lambda: service.metrics()["skolro_alerts_waiting_messages"] == 1)
            assert service.metrics()["skolro_alerts_up"] == 1
            mail.refusing = False
            wait_for(lambda: mail.subjects() == ["Episod pågår vid Ekskolan"], 40)
            wait_for(lambda: service.metrics()["skolro_alerts_sent_messages_total"] == 1)
            assert service.metrics()["skolro_alerts_waiting_messages"] == 0
            assert service.get("/health/ready")[0] == 200
            node.close()


def test_a_fault_in_its_program_ends_it_with_status_1_so_that_it_is_restarted(
    service: Service, broker: Broker
) -> None:
    node = service.node
    with (
        ServiceManager(watchdog_s=0.9) as manager,
        service.running(manager, str(FAILING)) as process,
    ):
        node.connect(broker.host, broker.port)
        node.publish(node.signed(levels(node.name, datetime.now(UTC))))
        assert process.wait(20) == 1
        node.close()
    last = service.said()[-1]
    assert last["level"] == "critical"
    assert last["message"].startswith("the collector's intake has failed (ZeroDivisionError: a fa")
    assert any("Traceback" in one.get("exception", "") for one in service.said())
