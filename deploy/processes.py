"""Child processes that never outlive their parent, and ports that they listen on."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from deploy.errors import DeployError

POLL_S = 0.05


class Child:
    """A child process whose output goes to a log file.

    Where the system has ``setpriv``, the kernel ends the child even when the parent is killed.

    Parameters
    ----------
    name : str
        What it is, for people.
    command : sequence of str
        Program and arguments.
    log : Path
        Gets what it prints.
    """

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self.name = name
        self.log = log
        guard = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
        log.parent.mkdir(parents=True, exist_ok=True)
        try:
            with log.open("ab") as output:
                self._process = subprocess.Popen(
                    [*guard, *command],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    # Ctrl-C is for the parent, which ends its children in order.
                    start_new_session=True,
                )
        except OSError as error:
            raise DeployError(f"{name} cannot be started: {error}") from error

    @property
    def pid(self) -> int:
        """Of the process; what guards it becomes the program itself."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Exit status, or None while it runs."""
        return self._process.poll()

    def require(self) -> None:
        """Raise :class:`DeployError` with the child's own last word if it has failed."""
        if self.status:
            raise DeployError(f"{self.name} ended with status {self.status}: {self.last_word()}")

    def last_word(self) -> str:
        """The last line that it printed."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return lines[-1].removeprefix("skolro: ") if lines else f"see {self.log}"

    def await_ready(self, ready: Callable[[], bool], within_s: float) -> None:
        """Wait until `ready` holds; raise :class:`DeployError` when it fails or takes too long."""
        deadline = time.monotonic() + within_s
        while not ready():
            if self.status is not None:
                raise DeployError(f"{self.name} did not start: {self.last_word()}")
            if time.monotonic() > deadline:
                raise DeployError(
                    f"{self.name} is not ready after {within_s:.0f} s: see {self.log}"
                )
            time.sleep(POLL_S)

    def terminate(self) -> None:
        """Ask it to end."""
        if self.status is None:
            self._process.terminate()

    def join(self, within_s: float) -> None:
        """Wait for its end; kill it when it takes too long."""
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def end_together(children: Sequence[Child], within_s: float) -> None:
    """Ask all to end, then wait for all."""
    for child in children:
        child.terminate()
    deadline = time.monotonic() + within_s
    for child in children:
        child.join(max(0.1, deadline - time.monotonic()))


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody listens on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def bind(host: str, port: int) -> socket.socket:
    """A listening socket, or :class:`DeployError` that says that the port is taken."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise DeployError(f"{host} is no address of this machine: {error.strerror}") from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise DeployError(
            f"port {port} on {host} cannot be used ({error.strerror}): end the program that "
            "uses it, or choose another port"
        ) from error
    return listener
