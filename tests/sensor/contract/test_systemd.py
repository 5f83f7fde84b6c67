"""What a service says to systemd, heard by a real socket."""

from __future__ import annotations

import logging
import os
import socket

import pytest

from sensor.contract.systemd import Notifier
from tests.service_manager import ServiceManager


def test_what_is_said_is_the_protocols() -> None:
    with ServiceManager() as manager:
        notifier = Notifier(manager.environment)
        notifier.ready()
        notifier.alive()
        notifier.status("two\nlines")
        notifier.status("two\nlines")
        notifier.status("")
        notifier.stopping()
        assert manager.heard == [
            "READY=1", "WATCHDOG=1", "STATUS=two lines", "STATUS=", "STOPPING=1"
        ]  # fmt: skip


def test_an_abstract_socket_is_reached_too() -> None:
    name = f"skolro-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}")
        listening.settimeout(5)
        Notifier({"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert listening.recv(100) == b"READY=1"


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_without_a_manager_nothing_happens(
    environment: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    Notifier(environment).ready()
    assert caplog.records == []


def test_a_manager_that_is_gone_does_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    with ServiceManager() as manager:
        notifier = Notifier(manager.environment)
    with caplog.at_level(logging.WARNING):
        notifier.alive()
    assert "cannot be told WATCHDOG=1" in caplog.text


def test_a_manager_that_does_not_read_is_not_waited_for() -> None:
    with ServiceManager() as manager:
        notifier = Notifier(manager.environment)
        for _ in range(10_000):
            notifier.alive()
        assert 1 <= len(manager.heard) < 10_000


@pytest.mark.parametrize(
    ("environment", "interval_s"),
    [
        ({"WATCHDOG_USEC": "6000000"}, 2.0),
        ({"WATCHDOG_USEC": "6000000", "WATCHDOG_PID": str(os.getpid())}, 2.0),
        ({"WATCHDOG_USEC": "6000000", "WATCHDOG_PID": "1"}, 10.0),
        ({"WATCHDOG_USEC": "soon"}, 10.0),
        ({"WATCHDOG_USEC": "0"}, 10.0),
        ({}, 10.0),
    ],
)
def test_it_is_fed_three_times_in_the_time_that_it_waits(
    environment: dict[str, str], interval_s: float
) -> None:
    assert Notifier(environment).interval_s == interval_s
