"""Mosquitto's configuration and access list, made from the contract.

Written for Mosquitto 2.0.  What it has no limit for is bounded otherwise, or said here:

- Messages a second: it has none.  A node that floods is held by TCP once `max_packet_size` and
  the queues are reached; what the collector's full queue drops, the nodes send again.
- Connections: what is counted falls by two with each client that parts (mosquitto issue 1460,
  seen with 2.0.11 and TLS), so that `max_connections` holds less the longer the broker runs.  The
  limit on open files of :func:`service_limits` holds always.
- Subscriptions: the access list filters what is delivered.  Subscribing to ``#`` is answered
  with success, and nothing comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from collector.intake.subscriber import RECEIVE_MAXIMUM
from deploy.authority import COLLECTOR, HEALTH, Authority, write_file
from deploy.errors import DeployError
from deploy.handover import give_to
from sensor.contract import topics
from sensor.contract.codec import MAX_PAYLOAD_BYTES

TLS_PORT: Final = 8883
CONFIG_FILE: Final = "mosquitto.conf"
SERVICE_FILE: Final = "limits.conf"
ACCESS_FILE: Final = "acl"

_CA_FILE: Final = "ca.pem"
_CERTIFICATE_FILE: Final = "server.pem"
_KEY_FILE: Final = "server.key"
_CRL_FILE: Final = "revoked.pem"
_HEALTH_CERTIFICATE_FILE: Final = "health.pem"
_HEALTH_KEY_FILE: Final = "health.key"
_UPTIME: Final = "$SYS/broker/uptime"
_OTHER_FILES: Final = 32
"""What mosquitto opens besides its clients' connections, and some to spare."""

_OVERHEAD_BYTES: Final = 1024
"""Topic, signature and MQTT's own bytes beside a payload."""


class Limits(Struct, frozen=True, kw_only=True):
    """What one client, and all together, may take.

    Attributes
    ----------
    connections : int
        Clients at a time.
    packet_bytes : int
        Largest packet; whoever sends more is disconnected.
    queued_messages, queued_bytes : int
        Kept for a client that is away or slow, the collector above all.
    inflight_messages : int
        On their way to a client, or from it, without an answer.
    """

    connections: int = 1000
    packet_bytes: int = MAX_PAYLOAD_BYTES + _OVERHEAD_BYTES
    queued_messages: int = 100_000
    queued_bytes: int = 512 * 1024 * 1024
    inflight_messages: int = RECEIVE_MAXIMUM


_CONFIG: Final = """\
# Written by Skolro; changes are lost when it is written anew.
# Only who shows a certificate of our authority gets in, under the name in it.
listener {listener}
cafile {ca_file}
certfile {certificate_file}
keyfile {key_file}
crlfile {crl_file}
tls_version tlsv1.2
require_certificate true
use_identity_as_username true
# Else a node could take over another's session, or the collector's, by its client id.
use_username_as_clientid true
allow_anonymous false
acl_file {acl_file}

max_connections {limits.connections}
max_packet_size {limits.packet_bytes}
max_queued_messages {limits.queued_messages}
max_queued_bytes {limits.queued_bytes}
max_inflight_messages {limits.inflight_messages}
max_qos 1
max_keepalive 300

user {user}
persistence true
persistence_location {data_dir}/
autosave_interval 30

log_dest stdout
log_type error
log_type warning
log_type notice
"""


def access_list(collectors: Sequence[str] = (COLLECTOR,)) -> str:
    """Return the text of the ``acl_file``: who may read and write what.

    A node, which is any other user, writes only on its own topics and hears only its own
    ``ack`` and ``config``.  Who looks whether the broker lives reads for how long it does.
    """
    lines = ["# Who may do what; written by Skolro. A node's user name is its id."]
    for name in collectors:
        lines.append(f"user {name}")
        lines += [f"topic read {topics.topic('+', kind)}" for kind in topics.FROM_NODE]
        lines += [f"topic write {topics.topic('+', kind)}" for kind in topics.TO_NODE]
        lines.append("")
    lines += [f"user {HEALTH}", "topic deny skolro/#", f"topic read {_UPTIME}", ""]
    lines += [f"pattern write {topics.topic('%u', kind)}" for kind in topics.FROM_NODE]
    lines += [f"pattern read {topics.topic('%u', kind)}" for kind in topics.TO_NODE]
    return "\n".join(lines) + "\n"


def broker_config(
    folder: Path,
    data_dir: Path,
    *,
    port: int = TLS_PORT,
    address: str = "",
    user: str = "mosquitto",
    limits: Limits | None = None,
) -> str:
    """Return the text of ``mosquitto.conf``.

    Parameters
    ----------
    folder : Path
        Where the broker finds what :func:`write_broker` has written.
    data_dir : Path
        Where it keeps sessions and queues; `user` must be able to write there.
    port, address
        Where it listens; on all addresses unless told.
    user : str
        Who it becomes when it is started by root.
    limits : Limits, optional
        Other than the usual ones.
    """
    return _CONFIG.format(
        listener=f"{port} {address}".strip(),
        ca_file=folder / _CA_FILE,
        certificate_file=folder / _CERTIFICATE_FILE,
        key_file=folder / _KEY_FILE,
        crl_file=folder / _CRL_FILE,
        acl_file=folder / ACCESS_FILE,
        data_dir=data_dir,
        user=user,
        limits=limits or Limits(),
    )


def service_limits(limits: Limits | None = None) -> str:
    """Return a drop-in for systemd, ``mosquitto.service.d/limits.conf``."""
    files = (limits or Limits()).connections + _OTHER_FILES
    return f"[Service]\nLimitNOFILE={files}\n"


def write_broker(
    folder: Path,
    authority: Authority,
    hosts: Sequence[str],
    config: str,
    access: str,
    service: str | None = None,
    owner: str | None = None,
) -> Path:
    """Write all that the broker needs into `folder`; return the path of its configuration.

    The broker gets a new certificate each time, as does who looks whether it lives, and the list
    of what is revoked as it is now.
    The authority's own key is not among it.  The configuration is written last: when it is new,
    the rest is complete.  A broker that runs takes its certificate up at SIGHUP, but must be
    restarted to read the list again.

    Parameters
    ----------
    folder : Path
        Where to.
    authority : Authority
        Issues the broker's certificate.
    hosts : sequence of str
        Names and addresses under which nodes and collectors reach the broker.
    config, access : str
        Texts of :func:`broker_config` and :func:`access_list`.
    service : str, optional
        Text of :func:`service_limits`; those of the usual limits unless told.
    owner : str, optional
        User to whom the broker's key is given: mosquitto reads it when it is root no longer.

    Raises
    ------
    DeployError
        A host cannot be named in a certificate, the folder cannot be written, or there is no
        such owner.
    """
    server, health = authority.issue_server(hosts), authority.issue_health()
    copies = {
        _CA_FILE: authority.ca_file,
        _CRL_FILE: authority.crl_file,
        _CERTIFICATE_FILE: Path(server.certificate_file),
        _KEY_FILE: Path(server.key_file),
        _HEALTH_CERTIFICATE_FILE: Path(health.certificate_file),
        _HEALTH_KEY_FILE: Path(health.key_file),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, source in copies.items():
            write_file(folder / name, source.read_bytes(), source.stat().st_mode & 0o777)
        write_file(folder / ACCESS_FILE, access.encode(), 0o644)
        write_file(folder / SERVICE_FILE, (service or service_limits()).encode(), 0o644)
        write_file(folder / CONFIG_FILE, config.encode(), 0o644)
    except OSError as error:
        raise DeployError(f"cannot write {folder}: {error.strerror}") from error
    if owner is not None:
        give_to(owner, folder / _KEY_FILE)
    return folder / CONFIG_FILE
