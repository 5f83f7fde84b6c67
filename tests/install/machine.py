"""A fresh Debian that boots its own systemd, beside this one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.processes import Child
from tests.install.network import Cable
from tests.install.root import Root, finished
from tests.peers import wait_for

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_INIT = "systemd-sysv dbus libpam-systemd"


class Machine:
    """What runs in a container with systemd as its first process, on our network.

    Parameters
    ----------
    root : Root
        Where it lives.
    leader : int
        Its first process, as we number it.
    """

    def __init__(self, root: Root, leader: int) -> None:
        self.root = root
        self._leader = leader

    def command(self, *command: str, user: str | None = None) -> list[str]:
        """The command line that runs `command` in there, as root or as `user`."""
        inside = ["nsenter", "--target", str(self._leader), "--mount", "--uts", "--ipc", "--pid"]
        clean = ["env", "-i", f"PATH={_PATH}", "HOME=/root", "LC_ALL=C.UTF-8"]
        whom = ["runuser", "-u", user, "--"] if user else []
        return [*inside, "--root", "--wd", "--", *clean, *whom, *command]

    def run(self, *command: str, user: str | None = None) -> str:
        """Run something to its end; :class:`AssertionError` where it fails."""
        return finished(self.command(*command, user=user))

    def fails(self, *command: str) -> str:
        """Run something that must fail; what it said."""
        ended = subprocess.run(self.command(*command), capture_output=True, text=True, check=False)
        assert ended.returncode != 0, f"{' '.join(command)} did not fail"
        return ended.stdout + ended.stderr

    def unit(self, name: str, setting: str) -> str:
        """A setting of a unit as systemd has it."""
        return self.run("systemctl", "show", "--value", "--property", setting, name).strip()

    def journal(self, unit: str) -> str:
        """The last of what a unit, or several by a pattern, and systemd about them, wrote."""
        return self.run("journalctl", "--output=cat", "--lines=200", f"--unit={unit}")


@contextmanager
def booted(root: Root, log: Path, cable: Cable | None = None) -> Iterator[Machine]:
    """The Debian in `root`, with systemd, until the block ends.

    Parameters
    ----------
    log : Path
        Gets what its console says.
    cable : Cable, optional
        What boots is a node: its units can be given the network of this one, and real time.
    """
    root.run("apt-get", "update", "-qq")
    quiet = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq")
    root.run(*quiet, "--no-install-recommends", *_INIT.split())
    # It mounts its own, where nothing is mounted yet.
    for name in ("dev", "proc"):
        finished(["umount", "--recursive", "--lazy", str(root.inside(name))])
    # systemd needs these to give a unit another network, and real time.
    rights = "--capability=CAP_NET_ADMIN,CAP_SYS_RESOURCE"
    node = [] if cable is None else [f"--bind={cable.path}", rights]
    child = Child(
        f"systemd of {root.suite}",
        ["systemd-nspawn", "--quiet", f"--directory={root.path}", "--register=no", "--keep-unit",
         f"--machine=skolro-{root.suite}", "--resolv-conf=off", "--link-journal=no",
         "--console=pipe", *node, "--boot"],
        log,
    )  # fmt: skip
    try:
        leader = wait_for(lambda: _leader(child), 60, f"nothing booted: {_tail(log)}")
        machine = Machine(root, leader)
        wait_for(lambda: _is_up(machine), 120, f"systemd does not come up: {_tail(log)}")
        yield machine
    finally:
        child.terminate()
        child.join(30)


def _leader(child: Child) -> int | None:
    child.require()
    path = Path(f"/proc/{child.pid}/task/{child.pid}/children")
    for one in path.read_text().split():
        if Path(f"/proc/{one}/comm").read_text() == "systemd\n":
            return int(one)
    return None


def _is_up(machine: Machine) -> bool:
    command = machine.command("systemctl", "is-system-running")
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return ended.stdout.strip() in {"running", "degraded"}


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-500:] if log.exists() else ""
