"""A cable between this machine and a network namespace, that can be pulled."""

from __future__ import annotations

from ipaddress import ip_address
from types import TracebackType
from typing import Final, Self

from tests.install.root import finished

SERVER: Final = "198.18.42.1"
"""Our end; of the range for tests of networks (RFC 2544)."""


class Cable:
    """A namespace with one interface, whose other end is here.

    Parameters
    ----------
    namespace : str
        Its name.
    server : str
        Our end's address; the other's is the next one. Each cable needs its own.
    """

    def __init__(self, namespace: str, server: str = SERVER) -> None:
        self.namespace = namespace
        self._server = server
        self._here, self._there = f"{namespace}-a", f"{namespace}-b"

    @property
    def path(self) -> str:
        """The namespace as a file."""
        return f"/run/netns/{self.namespace}"

    def pull(self) -> None:
        """Cut the network."""
        finished(["ip", "link", "set", self._here, "down"])

    def plug(self) -> None:
        """Give it back."""
        finished(["ip", "link", "set", self._here, "up"])

    def __enter__(self) -> Self:
        inside = ["ip", "-n", self.namespace]
        finished(["ip", "netns", "add", self.namespace])
        try:
            finished(["ip", "link", "add", self._here, "type", "veth", "peer", "name", self._there])
            finished(["ip", "link", "set", self._there, "netns", self.namespace])
            finished(["ip", "address", "add", f"{self._server}/30", "dev", self._here])
            finished(
                [
                    *inside,
                    "address",
                    "add",
                    f"{ip_address(self._server) + 1}/30",
                    "dev",
                    self._there,
                ]
            )
            finished([*inside, "link", "set", "lo", "up"])
            finished([*inside, "link", "set", self._there, "up"])
            self.plug()
        except AssertionError:
            finished(["ip", "netns", "delete", self.namespace])
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Both ends of the cable go with it.
        finished(["ip", "netns", "delete", self.namespace])
