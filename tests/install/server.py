"""``python -m tests.install.server``: a server in fresh Debians, which boot systemd for it.

``deploy/install-server.sh`` is run as an administrator would: the first time, to upgrade, with a
version that does not start, and with a ledger of the first version.  A node on another network
enrols and measures all the while; nothing of it may be missing in the end.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
from rich.console import Console

from deploy.processes import Child, listens
from sensor.contract.errors import SkolroError
from tests.install.machine import Machine, booted
from tests.install.network import Cable
from tests.install.root import SUITES, Root, finished
from tests.peers import wait_for
from tests.system.chain import skolro

NAME: Final = "skolro.kommun.example"
NODE: Final = "ekskolan-1"
SERVER: Final = "198.18.43.1"
CONFIG: Final = ("--config", "/etc/skolro/collector.toml")

_ROOT: Final = Path(__file__).parents[2]
_GOLDEN: Final = _ROOT / "tests/golden/ledger/revision_1.sql"
_GOLDEN_MESSAGES: Final = 12
_SOURCE: Final = "/srv/skolro"
_INSTALL: Final = f"{_SOURCE}/deploy/install-server.sh"
_LEDGER: Final = "/var/lib/skolro/ledger.sqlite"
_AUTHORITY: Final = "/var/lib/skolro-proxy/caddy/pki/authorities/local/root.crt"
_USERS: Final = {
    "skolro-broker": "mosquitto", "skolro-collector": "skolro", "skolro-proxy": "caddy",
}  # fmt: skip
# The broker's certificate is one that was issued long ago.
_AGE: Final = """\
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from deploy.authority import Authority, Validity

start = datetime.now(UTC) - timedelta(days=650.5)
made = Authority(Path("/etc/skolro/authority")).issue_server(
    ["198.18.43.1", "127.0.0.1"], Validity(730, start)
)
shutil.copyfile(made.certificate_file, "/etc/skolro/broker/server.pem")
shutil.copyfile(made.key_file, "/etc/skolro/broker/server.key")
"""
_PASSWORD: Final = "tre fyra ord som inte hör ihop"  # noqa: S105 - of nobody
_PORTS: Final = (443, 8080, 8081, 8883)

console = Console()


def main() -> int:
    """Try each suite, and say how far each came."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suites", nargs="*", default=list(SUITES), help=", ".join(SUITES))
    chosen = parser.parse_args()
    if os.geteuid() != 0:
        console.print("This needs root: sudo make test-install")
        return 2
    taken = [port for port in _PORTS if listens(port)]
    if taken:
        console.print(f"The server is on this machine's network, where {taken} are in use already.")
        return 2
    for suite in chosen.suites:
        with (
            Root(suite) as root,
            tempfile.TemporaryDirectory(prefix="skolro-machine-") as folder,
            booted(root, Path(folder) / "machine.log") as machine,
        ):
            install(machine)
            with Cable("skolro-far", SERVER) as cable, node(machine, cable, Path(folder)) as child:
                has_sent(machine, child, 10)
                renew(machine, child)
                keep_copies(machine)
                upgrade(machine, child)
                go_back(machine, child)
                restore(machine, child)
            take_over_an_old_ledger(machine)
    console.print("all is well")
    return 0


def install(machine: Machine) -> None:
    """The first time: packages, users, units, keys, and a first administrator who logs in."""
    began = time.monotonic()
    copy_source(machine)
    assert "--name HOST" in machine.fails(_INSTALL)
    said = machine.run(
        _INSTALL, "--name", NAME, "--municipality", "Havsbro", "--tls", "internal",
        "--broker-name", SERVER,
    )  # fmt: skip
    told(machine, f"installed in {time.monotonic() - began:.0f} s")
    for unit, user in _USERS.items():
        assert machine.unit(unit, "ActiveState") == "active"
        pid = machine.unit(unit, "MainPID")
        assert machine.run("stat", "--format=%U", f"/proc/{pid}").strip() == user
    for timer in ("skolro-backup.timer", "skolro-prune.timer", "skolro-renew.timer"):
        assert machine.unit(timer, "ActiveState") == "active"
    (path,) = re.findall(rf"https://{re.escape(NAME)}(/welcome/\S+)", said)
    fill_in(machine, path, new=_PASSWORD, again=_PASSWORD)
    fill_in(machine, "/login", name="administrator", password=_PASSWORD)
    told(machine, "services run as their users; the administrator chooses a password over TLS")


def copy_source(machine: Machine) -> None:
    """The repository, as somebody would clone it there."""
    names = finished(["git", "-C", str(_ROOT), "ls-files", "-co", "--exclude-standard"])
    target = machine.root.inside(_SOURCE)
    for name in names.splitlines():
        if (_ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(_ROOT / name, target / name)


def fill_in(machine: Machine, path: str, **fields: str) -> None:
    """Fill in a form, as a browser does that trusts the proxy's own authority; it is let in."""
    trusted = ssl.create_default_context(cafile=str(machine.root.inside(_AUTHORITY)))
    named = {"Host": NAME}
    with httpx.Client(base_url="https://127.0.0.1", verify=trusted, headers=named) as browser:
        named_too = {"sni_hostname": NAME}
        asked = browser.get(path, extensions=named_too)
        form = re.search(r'name="csrf" value="([^"]+)"', asked.text)
        assert form is not None
        cookies = "; ".join(f"{one.name}={one.value}" for one in browser.cookies.jar)
        sent = {"csrf": form[1], **fields}
        answer = browser.post(path, data=sent, extensions=named_too, headers={"Cookie": cookies})
        assert answer.status_code == 303, answer.text
        assert "Secure" in answer.headers["set-cookie"]
        assert browser.get("/metrics", extensions=named_too).status_code == 404


@contextmanager
def node(machine: Machine, cable: Cable, folder: Path) -> Iterator[Child]:
    """A node that was made on that server, and reaches it from another network."""
    machine.run("skolro", "site", "add", "ekskolan", "--name", "Ekskolan", *CONFIG)
    machine.run("skolro", "node", "add", NODE, "--site", "ekskolan", *CONFIG)
    machine.root.inside("/srv/anna.pub").write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 anna")
    machine.run(
        "skolro", "node", "image", NODE, "--out", "/srv/card", "--ssh-key", "/srv/anna.pub",
        *CONFIG,
    )  # fmt: skip
    card = machine.root.inside("/srv/card/skolro")
    own = folder / "node"
    (own / "data").mkdir(parents=True)
    for name in ("node.toml", "ca.pem", "client.pem", "client.key"):
        shutil.copy(card / name, own / name)
    shutil.copy(card / "enrolment.secret", own / "data/enrolment.secret")
    config = (own / "node.toml").read_text()
    head, _, _ = config.replace("/var/lib/skolro", str(own / "data")).partition("[input]")
    street = '[input]\nkind = "street"\n[levels]\nbatch_s = 1\n'
    (own / "node.toml").write_text(head + street)
    command = ["ip", "netns", "exec", cable.namespace]
    run = skolro("sensor", "run", "--config", str(own / "node.toml"))
    child = Child("the node", [*command, *run], folder / "node.log")
    try:
        yield child
    finally:
        child.terminate()
        child.join(30)


def asked(machine: Machine, query: str) -> list[Any]:
    """What the ledger answers: the first column."""
    path = machine.root.inside(_LEDGER)
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)) as ledger:
        return [row[0] for row in ledger.execute(query)]


def messages(machine: Machine) -> int:
    """How many messages the ledger has."""
    (count,) = asked(machine, "SELECT count(*) FROM message")
    return int(count)


def tables(machine: Machine) -> list[str]:
    """The ledger's tables."""
    return asked(machine, "SELECT name FROM sqlite_master WHERE type = 'table'")


def has_sent(machine: Machine, child: Child, count: int) -> int:
    """Wait until the ledger has `count` messages without a gap; how many it has."""

    def enough() -> bool:
        assert child.status is None, child.log.read_text()[-1000:]
        (newest,) = asked(machine, "SELECT max(seq) FROM message")
        return bool(newest and newest >= count and messages(machine) == newest)

    wait_for(enough, 240, f"not {count} messages: {child.log.read_text()[-1000:]}")
    return messages(machine)


def verify(machine: Machine) -> None:
    """Nothing is missing, and all is as its node signed it."""
    machine.run("runuser", "-u", "skolro", "--", "/opt/skolro/bin/skolro", "collector", "check",
                *CONFIG)  # fmt: skip


def renew(machine: Machine, child: Child) -> None:
    """The timer's service finds that the broker's certificate ends; nobody is sent away for it."""
    machine.run("/opt/skolro/current/bin/python", "-c", _AGE)
    machine.run("systemctl", "reload", "skolro-broker")
    wait_for(lambda: days_left(machine) == 79, 30, "the broker does not show what ends")
    process = machine.unit("skolro-broker", "MainPID")
    machine.run("systemctl", "start", "skolro-renew.service")
    assert machine.unit("skolro-renew", "Result") == "success"
    wait_for(lambda: days_left(machine) == 729, 60, "the broker does not show the new certificate")
    assert machine.unit("skolro-broker", "MainPID") == process
    has_sent(machine, child, messages(machine) + 3)
    told(machine, "a certificate was renewed and taken up by the broker that ran")


def days_left(machine: Machine) -> int:
    """For how many days the certificate holds that the broker shows."""
    found = msgspec.json.decode(machine.run("skolro", "server", "check", "--json"))
    (days,) = (one["days"] for one in found["certificates"] if one["whose"] == "broker")
    return int(days)


def keep_copies(machine: Machine) -> None:
    """The timer's services, as its user."""
    for unit in ("skolro-backup", "skolro-prune"):
        machine.run("systemctl", "start", f"{unit}.service")
        assert machine.unit(unit, "Result") == "success"
    assert list(machine.root.inside("/var/lib/skolro-backup").glob("ledger-*.sqlite"))


def upgrade(machine: Machine, child: Child) -> None:
    """A second run: another environment, the same ledger, keys and password."""
    before, keys = messages(machine), kept(machine)
    began = time.monotonic()
    said = machine.run(_INSTALL)
    assert "Upgraded." in said
    assert kept(machine) == keys
    count = has_sent(machine, child, before + 10)
    verify(machine)
    told(machine, f"upgraded in {time.monotonic() - began:.0f} s ({count} messages)")


def kept(machine: Machine) -> dict[str, bytes]:
    """What no upgrade may change."""
    folder = machine.root.inside("/etc/skolro")
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def go_back(machine: Machine, child: Child) -> None:
    """A version that changes the ledger and then does not start: the old one runs on."""
    service = machine.root.inside(f"{_SOURCE}/deploy/service.py")
    whole = service.read_text()
    assert "with ExitStack() as stack:" in whole
    broken = (
        "with open_database(config.ledger).begin() as ledger:\n"
        '        ledger.exec_driver_sql("DROP TABLE login_failure")\n'
        '    raise RuntimeError("this version is broken")\n'
        "    with ExitStack() as stack:"
    )
    service.write_text(whole.replace("with ExitStack() as stack:", broken))
    current = machine.run("readlink", "-f", "/opt/skolro/current")
    said = machine.fails(_INSTALL)
    service.write_text(whole)
    assert "the old one runs again" in said
    assert machine.run("readlink", "-f", "/opt/skolro/current") == current
    assert "login_failure" in tables(machine)
    count = has_sent(machine, child, messages(machine) + 10)
    verify(machine)
    told(machine, f"a version that does not start was taken back ({count} messages)")


def restore(machine: Machine, child: Child) -> None:
    """The ledger is lost, its copy older: the node sends again what came since."""
    (copy, *_) = sorted(machine.root.inside("/var/lib/skolro-backup").glob("ledger-*.sqlite"))
    before = messages(machine)
    machine.run("systemctl", "stop", "skolro-collector")
    for path in machine.root.inside("/var/lib/skolro").glob("ledger.sqlite*"):
        path.unlink()
    inside = f"/var/lib/skolro-backup/{copy.name}"
    machine.run("runuser", "-u", "skolro", "--", "/opt/skolro/bin/skolro", "collector", "restore",
                inside, *CONFIG)  # fmt: skip
    restored = messages(machine)
    assert restored < before
    machine.run("systemctl", "start", "skolro-collector")
    count = has_sent(machine, child, before + 10)
    verify(machine)
    told(machine, f"restored with {restored} of {before} messages, and the node sent the others "
         f"again ({count} messages)")  # fmt: skip


def take_over_an_old_ledger(machine: Machine) -> None:
    """A ledger that the first version wrote is upgraded with all that is in it."""
    machine.run("systemctl", "stop", "skolro-collector")
    path = machine.root.inside(_LEDGER)
    for old in path.parent.glob("ledger.sqlite*"):
        old.unlink()
    with closing(sqlite3.connect(path)) as ledger:
        ledger.executescript(_GOLDEN.read_text(encoding="utf-8"))
    machine.run("chown", "skolro:", _LEDGER)
    # The program that runs is the one that wrote it no longer: it says so and waits.
    said = machine.run(_INSTALL)
    assert "Upgraded." in said
    assert messages(machine) == _GOLDEN_MESSAGES
    nodes = machine.run("skolro", "node", "list", "--json", *CONFIG)
    assert len(msgspec.json.decode(nodes)) == 2
    verify(machine)
    told(machine, "a ledger of the first version was upgraded")


def told(machine: Machine, text: str) -> None:
    """Print how far it is."""
    console.print(f"{machine.root.suite}: {text}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (AssertionError, SkolroError, subprocess.SubprocessError) as error:
        console.print(f"failed: {error}")
        sys.exit(1)
