"""``skolro sensor commission``: let a phone in that checks the node."""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Annotated, Final

import segno
import typer

from sensor.commissioning.opening import DEFAULT_MINUTES, LONGEST_MINUTES, Door
from sensor.config import NodeConfig, load_node_config
from sensor.errors import CommissioningError

# A node that has just been switched on needs its time on a small computer.
ANSWERS_WITHIN_S: Final = 45.0
SAYS_SO_AFTER_S: Final = 3.0
_SIOCGIFADDR: Final = 0x8915


def commission(
    config: Annotated[Path, typer.Option("--config", help="The node's configuration, node.toml.")],
    minutes: Annotated[
        float, typer.Option(min=1, max=LONGEST_MINUTES, help="For how long the page is open.")
    ] = DEFAULT_MINUTES,
    close: Annotated[bool, typer.Option("--close", help="Close it instead.")] = False,
) -> None:
    """Open the page on which a phone checks this node, and show its address and a code.

    The node must run; the page is its own. The code lets one phone in, once; a new one ends the
    one before. What was done so far is kept.
    """
    node = load_node_config(config)
    door = Door(Path(node.data_dir))
    if close:
        door.close()
        typer.echo(f"Commissioning of {node.node} is closed.")
        return
    code = door.open(minutes)
    _await_page(node, door)
    addresses = [f"http://{host}:{node.commissioning.port}/" for host in _hosts(node)]
    typer.echo(f"Commissioning of {node.node} is open for {minutes:g} minutes.\n")
    typer.echo(f"Address  {'  or  '.join(addresses)}")
    typer.echo(f"Code     {code}\n")
    segno.make(f"{addresses[0]}#{code}", error="m").terminal(compact=True)


def _await_page(node: NodeConfig, door: Door) -> None:
    """Wait until the node serves its page, which tells that there is one that runs."""
    host = "127.0.0.1" if _is_any(node.commissioning.listen) else node.commissioning.listen
    began = time.monotonic()
    has_said_so = False
    while (waited_s := time.monotonic() - began) < ANSWERS_WITHIN_S:
        if waited_s > SAYS_SO_AFTER_S and not has_said_so:
            typer.echo(f"Waiting for {node.node} to open its page.", err=True)
            has_said_so = True
        connection = HTTPConnection(host, node.commissioning.port, timeout=2)
        try:
            connection.request("GET", "/page.css")
            answer = connection.getresponse()
            if answer.getheader("Server", "").startswith("Skolro"):
                return
        except (OSError, HTTPException):
            time.sleep(0.2)
        finally:
            connection.close()
    door.close()
    raise CommissioningError(
        f"the node {node.node} does not open its page at port {node.commissioning.port}: start it "
        "(systemctl start skolro-sensor) and look at what it says (journalctl -u skolro-sensor)"
    )


def _is_any(host: str) -> bool:
    return host in {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound


def _hosts(node: NodeConfig) -> list[str]:
    """Where a phone finds it: its addresses, and its name where it listens at all of them."""
    listen = node.commissioning.listen
    if not _is_any(listen):
        return [listen]
    found = [address for _, name in socket.if_nameindex() if (address := _address(name))]
    outside = [one for one in found if not ipaddress.ip_address(one).is_loopback]
    return [*outside, f"{socket.gethostname()}.local"] if outside else found or ["127.0.0.1"]


def _address(interface: str) -> str | None:
    """The IPv4 address of an interface; None: it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            asked = struct.pack("256s", interface.encode()[:15])
            told = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, asked)
        except OSError:
            return None
    return socket.inet_ntoa(told[20:24])
