"""The generated files with a real mosquitto: who gets in, who may do what, and how much."""

from __future__ import annotations

import gc
import getpass
import os
import re
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from collector import config
from collector.errors import BrokerError as CollectorBrokerError
from collector.intake.live import LiveReadings
from collector.intake.subscriber import Subscriber
from collector.ledger.ledger import Ledger
from collector.registry.registry import Registry
from deploy.authority import COLLECTOR, Authority, Validity, make_authority
from deploy.broker import DemoBroker
from deploy.errors import DeployError
from deploy.mosquitto_config import (
    Limits,
    access_list,
    broker_config,
    service_limits,
    write_broker,
)
from sensor.config import Broker as NodeBroker
from sensor.contract import topics
from sensor.contract.codec import KINDS, MAX_PAYLOAD_BYTES
from sensor.contract.signature import public_key_text
from sensor.contract.tls import Tls, client_context
from sensor.errors import BrokerError
from sensor.outbox import Outbox
from sensor.publisher import Publisher
from tests.peers import MOSQUITTO, free_port, wait_for
from tests.sensor.contract.samples import KEY, TIME, samples

A, B = "ekskolan-1", "askolan-1"
FROM_NODE = (*KINDS, topics.LIVE, topics.STATUS, topics.ENROL)
TO_NODE = (topics.ACK, topics.CONFIG)
LIMITS = Limits(connections=12, queued_messages=40)
HOST = "127.0.0.1"


class Place:
    """An authority with what it has issued, and the broker that trusts it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.authority = make_authority(folder / "authority")
        self.other_authority = make_authority(folder / "other")
        self.node = {name: self.authority.issue_node(name) for name in (A, B)}
        self.collector = self.authority.issue_collector()
        self.second_collector = self.authority.issue_collector(f"{COLLECTOR}.2")
        self.revoked = self.authority.issue_node("stolen-1")
        self.authority.revoke("stolen-1")

    def write(self) -> Path:
        """Write the broker's files."""
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        files = self.folder / "broker"
        text = broker_config(
            files, data, port=self.port, address=HOST, user=getpass.getuser(), limits=LIMITS
        )
        access = access_list((COLLECTOR, f"{COLLECTOR}.2"))
        return write_broker(files, self.authority, [HOST, "localhost"], text, access)


@contextmanager
def mosquitto(path: Path, port: int, *guard: str) -> Iterator[None]:
    """A mosquitto with that configuration, started by `guard` where one is named."""
    log = path.parent / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*guard, str(MOSQUITTO), "-c", str(path)], stdout=output, stderr=output
        )
    try:
        # Not by connecting: this mosquitto takes a client that has parted off its count twice, and
        # lets one more in than its limit.
        wait_for(lambda: _bound_addresses(port), what=f"no mosquitto: {log.read_text()}")
        yield
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """The broker at work."""
    with _place() as made, mosquitto(made.write(), made.port):
        yield made


@pytest.fixture
def fresh() -> Iterator[Place]:
    """A place of its own, whose broker is not started yet."""
    with _place() as made:
        yield made


@contextmanager
def _place() -> Iterator[Place]:
    if MOSQUITTO is None and os.environ.get("CI") != "true":
        pytest.skip("mosquitto is not installed")
    with tempfile.TemporaryDirectory(prefix="skolro-tls-") as name:
        yield Place(Path(name))


@pytest.fixture
def tidy() -> Iterator[None]:
    """Collect what paho leaves behind here and not in another test."""
    yield
    gc.collect()


# paho does not close the socket of a handshake that has failed.
leaves_sockets = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def _listens(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((host, port)) == 0


class Peer:
    """A client that may misbehave: any certificate, any client id, any user name, any will.

    Raises :class:`ConnectionError` where it is not let in.
    """

    def __init__(
        self,
        place: Place,
        context: ssl.SSLContext | None,
        client_id: str = "",
        *,
        user: str | None = None,
        will: str | None = None,
        clean_start: bool = True,
        expiry_s: int = 0,
    ) -> None:
        self.heard: list[mqtt.MQTTMessage] = []
        self.published: dict[int, Any] = {}
        self.lost = threading.Event()
        self._subscribed: list[Any] = []
        self._codes: list[Any] = []
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            protocol=mqtt.MQTTv5,
            reconnect_on_failure=False,
        )
        if context is not None:
            self._client.tls_set_context(context)
        if user is not None:
            self._client.username_pw_set(user, "guess")
        if will is not None:
            self._client.will_set(will, b"forged", qos=1)
        self._client.on_connect = lambda _c, _d, _f, code, _p: self._codes.append(code)
        self._client.on_message = lambda _c, _d, message: self.heard.append(message)
        self._client.on_subscribe = lambda _c, _d, _m, codes, _p: self._subscribed.extend(codes)
        self._client.on_publish = lambda _c, _d, mid, code, _p: self.published.update({mid: code})
        self._client.on_disconnect = lambda *_: self.lost.set()
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has no types here
        properties.SessionExpiryInterval = expiry_s
        try:
            self._client.connect(HOST, place.port, clean_start=clean_start, properties=properties)
        except OSError as error:
            raise ConnectionError(str(error)) from error
        self._client.loop_start()
        wait_for(lambda: self._codes or self.lost.is_set(), what="the broker says nothing")
        if not self._codes or self._codes[0].is_failure:
            self.close()
            raise ConnectionError(str(self._codes))

    def subscribe(self, *filters: str) -> None:
        """Subscribe, whatever the broker thinks of it."""
        self._subscribed.clear()
        self._client.subscribe([(one, 1) for one in filters])
        wait_for(lambda: len(self._subscribed) == len(filters))

    def may_publish(self, topic: str, payload: bytes = b"{}", *, retain: bool = False) -> bool:
        """Publish; MQTT 5 tells whether it was allowed."""
        mid = self._client.publish(topic, payload, 1, retain=retain).mid
        wait_for(lambda: mid in self.published, what=f"no answer to {topic}")
        return not self.published[mid].is_failure

    def vanish(self) -> None:
        """Lose the connection, so that the broker publishes the will."""
        opened = self._client.socket()
        self._client.loop_stop()
        if isinstance(opened, socket.socket):
            opened.shutdown(socket.SHUT_RDWR)
            opened.close()

    def close(self) -> None:
        """Part."""
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def peer(place: Place, tls: Tls, client_id: str = "", **options: Any) -> Peer:
    """A client with that certificate."""
    return Peer(place, client_context(tls), client_id, **options)


class TestWhoGetsIn:
    """Certificates of this authority, valid, for a client, and nothing else."""

    def test_nodes_and_collectors_do(self, place: Place) -> None:
        for tls in (*place.node.values(), place.collector, place.second_collector):
            peer(place, tls).close()

    def test_nobody_without_a_certificate(self, place: Place) -> None:
        with pytest.raises(ConnectionError):
            Peer(place, ssl.create_default_context(cafile=place.authority.ca_file))

    def test_nobody_without_a_certificate_who_names_a_user(self, place: Place) -> None:
        with pytest.raises(ConnectionError):
            Peer(place, ssl.create_default_context(cafile=place.authority.ca_file), user=A)

    def test_nobody_without_encryption(self, place: Place) -> None:
        with pytest.raises(ConnectionError):
            Peer(place, None)

    def test_no_certificate_of_another_authority(self, place: Place) -> None:
        forged = place.other_authority.issue_node(A)
        with pytest.raises(ConnectionError):
            Peer(place, _context(place.authority, forged))

    def test_no_certificate_that_is_expired(self, place: Place) -> None:
        old = place.authority.issue_node("old-1", Validity(1, datetime.now(UTC) - timedelta(2)))
        with pytest.raises(ConnectionError):
            peer(place, old)

    def test_no_certificate_that_is_not_valid_yet(self, place: Place) -> None:
        early = place.authority.issue_node("new-1", Validity(9, datetime.now(UTC) + timedelta(2)))
        with pytest.raises(ConnectionError):
            peer(place, early)

    def test_no_certificate_that_is_revoked(self, place: Place) -> None:
        with pytest.raises(ConnectionError):
            peer(place, place.revoked)

    def test_no_certificate_of_a_server(self, place: Place) -> None:
        with pytest.raises(ConnectionError):
            peer(place, place.authority.issue_server(["evil.example"]))

    def test_no_certificate_that_a_node_has_issued(self, place: Place) -> None:
        node = place.node[A]
        chain = place.folder / "chain"
        chain.mkdir(exist_ok=True)
        # The node acts as an authority of its own.
        for name, source in (("ca.pem", node.certificate_file), ("ca.key", node.key_file)):
            (chain / name).write_bytes(Path(source).read_bytes())
        (chain / "revoked.pem").write_bytes(place.authority.crl_file.read_bytes())
        forged = Authority(chain).issue_collector()
        bundle = Path(forged.certificate_file)
        bundle.write_bytes(bundle.read_bytes() + Path(node.certificate_file).read_bytes())
        with pytest.raises(ConnectionError):
            Peer(place, _context(place.authority, forged))

    @pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
    @leaves_sockets
    @pytest.mark.usefixtures("tidy")
    def test_no_tls_older_than_1_2(self, place: Place) -> None:
        for version, lets_in in (
            (ssl.TLSVersion.TLSv1_1, False),
            (ssl.TLSVersion.TLSv1_2, True),
            (ssl.TLSVersion.TLSv1_3, True),
        ):
            context = client_context(place.node[A])
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
            if lets_in:
                Peer(place, context).close()
            else:
                with pytest.raises(ConnectionError, match=r"(?i)version|protocol"):
                    Peer(place, context)


def _context(trusted: Authority, own: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=trusted.ca_file)
    context.load_cert_chain(own.certificate_file, own.key_file)
    return context


class TestWhoMayDoWhat:
    """A node writes its own topics and hears its own; the collector does its part."""

    def test_a_node_publishes_its_own_kinds_and_nothing_else(self, place: Place) -> None:
        with peer(place, place.node[A]) as node:
            for kind in FROM_NODE:
                assert node.may_publish(topics.topic(A, kind)), kind
                assert topics.parse(topics.topic(A, kind)).kind == kind
            others = [topics.topic(A, kind) for kind in (*TO_NODE, "else", "levels/more")]
            others += [topics.topic(B, kind) for kind in (*FROM_NODE, *TO_NODE)]
            others += ["skolro/v1", "skolro/v1/levels", "else/where", "$SYS/broker/uptime"]
            for name in others:
                assert not node.may_publish(name), name
                assert not node.may_publish(name, retain=True), name

    def test_a_node_hears_only_its_own_ack_and_config(self, place: Place) -> None:
        with peer(place, place.node[A]) as node, peer(place, place.node[B]) as other:
            # mosquitto answers any subscription with success; what counts is what comes.
            node.subscribe(
                "#", "+/+/+/+", f"skolro/v1/{B}/#", "$SYS/#", f"$share/x/skolro/v1/{B}/+"
            )
            with peer(place, place.collector) as collector:
                for name in (B, A):
                    for kind in TO_NODE:
                        assert collector.may_publish(topics.topic(name, kind))
            for kind in FROM_NODE:
                assert other.may_publish(topics.topic(B, kind))
                assert node.may_publish(topics.topic(A, kind))
            wait_for(lambda: len(node.heard) >= 4)
            # Twice each, since two of its filters match; in order, so nothing else is to come.
            expected = {topics.topic(A, kind) for kind in TO_NODE}
            assert {message.topic for message in node.heard} == expected

    def test_the_name_is_the_certificates_whatever_else_is_said(self, place: Place) -> None:
        for name in (B, COLLECTOR):
            with peer(place, place.node[A], name, user=name) as node:
                assert node.may_publish(topics.topic(A, "event"))
                assert not node.may_publish(topics.topic(B, "event"))
                assert not node.may_publish(topics.topic(A, topics.ACK))

    def test_a_will_says_nothing_for_others(self, place: Place) -> None:
        with peer(place, place.collector) as collector:
            collector.subscribe("skolro/v1/+/status")
            collector.heard.clear()
            with suppress(ConnectionError):
                peer(place, place.node[A], will=topics.topic(B, topics.STATUS)).vanish()
            peer(place, place.node[A], will=topics.topic(A, topics.STATUS)).vanish()
            wait_for(lambda: [m for m in collector.heard if m.payload == b"forged"])
            forged = [message.topic for message in collector.heard if message.payload == b"forged"]
            assert forged == [topics.topic(A, topics.STATUS)]

    def test_nobody_takes_over_another_session_by_its_client_id(self, place: Place) -> None:
        options: dict[str, Any] = {"clean_start": False, "expiry_s": 600}
        collector = peer(place, place.collector, "skolro-collector", **options)
        collector.subscribe(*(name for name, _ in topics.subscriptions()))
        for client_id in ("skolro-collector", COLLECTOR):
            with peer(place, place.node[A], client_id):
                assert not collector.lost.is_set()
        collector.vanish()
        with peer(place, place.node[B]) as other:
            assert other.may_publish(topics.topic(B, "event"), b"kept")
        for client_id in ("skolro-collector", COLLECTOR):
            with peer(place, place.node[A], client_id, clean_start=False) as thief:
                thief.may_publish(topics.topic(A, "event"))
                assert not thief.heard
        with peer(place, place.collector, "skolro-collector", **options) as again:
            wait_for(lambda: b"kept" in [message.payload for message in again.heard])

    def test_two_collectors_hear_all_and_answer(self, place: Place) -> None:
        both = [peer(place, tls) for tls in (place.collector, place.second_collector)]
        with both[0], both[1], peer(place, place.node[A]) as node:
            for collector in both:
                collector.subscribe(*(name for name, _ in topics.subscriptions("skolro")))
                assert collector.may_publish(topics.topic(A, topics.ACK))
                assert collector.may_publish(topics.topic(A, topics.CONFIG))
                assert not collector.may_publish(topics.topic(A, "levels"))
                collector.heard.clear()
            for number in range(20):
                assert node.may_publish(topics.topic(A, "event"), b"%d" % number)

            def events() -> list[list[bytes]]:
                return [
                    [bytes(m.payload) for m in collector.heard if m.topic.endswith("/event")]
                    for collector in both
                ]

            wait_for(lambda: sum(map(len, events())) == 20)
            assert all(events())
            assert {payload for one in events() for payload in one} == {
                b"%d" % number for number in range(20)
            }


class TestLimits:
    """As far as mosquitto has them."""

    def test_the_largest_message_passes_and_a_larger_packet_ends_the_connection(
        self, place: Place
    ) -> None:
        with peer(place, place.collector) as collector, peer(place, place.node[A]) as node:
            collector.subscribe(topics.topic(A, "levels"))
            assert node.may_publish(topics.topic(A, "levels"), b"x" * MAX_PAYLOAD_BYTES)
            node._client.publish(topics.topic(A, "levels"), b"x" * (MAX_PAYLOAD_BYTES + 2048), 1)
            assert node.lost.wait(10)
            wait_for(lambda: collector.heard)
            assert [len(message.payload) for message in collector.heard] == [MAX_PAYLOAD_BYTES]

    @leaves_sockets
    @pytest.mark.usefixtures("tidy")
    def test_no_more_connections_than_allowed(self, fresh: Place) -> None:
        with mosquitto(fresh.write(), fresh.port):
            with ExitStack() as stack:
                for number in range(LIMITS.connections):
                    crowd = fresh.authority.issue_node(f"crowd-{number}")
                    stack.enter_context(peer(fresh, crowd))
                with pytest.raises(ConnectionError):
                    peer(fresh, fresh.node[A])
            wait_for(lambda: _gets_in(fresh, fresh.node[A]))

    def test_the_limit_on_files_bounds_connections_when_mosquitto_has_lost_count(
        self, fresh: Place
    ) -> None:
        (line,) = re.findall(r"LimitNOFILE=(\d+)", service_limits(LIMITS))
        files = int(line)
        assert LIMITS.connections < files < LIMITS.connections + 64
        with mosquitto(fresh.write(), fresh.port, "prlimit", f"--nofile={files}"):
            for _ in range(3 * LIMITS.connections):
                peer(fresh, fresh.node[A]).close()
            with ExitStack() as stack:
                idle = [
                    stack.enter_context(socket.create_connection((HOST, fresh.port)))
                    for _ in range(2 * files)
                ]
                wait_for(lambda: sum(map(_is_closed, idle)) >= len(idle) - files)
            wait_for(lambda: _gets_in(fresh, fresh.node[A]))

    def test_a_flood_fills_no_more_than_the_queue_of_who_is_away(self, place: Place) -> None:
        options: dict[str, Any] = {"clean_start": False, "expiry_s": 600}
        absent = peer(place, place.second_collector, **options)
        absent.subscribe(topics.topic(A, "event"))
        absent.vanish()
        with peer(place, place.node[A]) as node:
            for number in range(3 * LIMITS.queued_messages):
                node.may_publish(topics.topic(A, "event"), b"%d" % number)
        with (
            peer(place, place.second_collector, **options) as back,
            peer(place, place.node[A]) as node,
        ):
            wait_for(lambda: len(back.heard) >= LIMITS.queued_messages)
            wait_for(lambda: node.may_publish(topics.topic(A, "event"), b"last"))
            wait_for(lambda: back.heard[-1].payload == b"last")
            assert len(back.heard) <= LIMITS.queued_messages + 1

    def test_the_usual_limits(self) -> None:
        text = broker_config(Path("/etc/skolro/broker"), Path("/var/lib/mosquitto"))
        values = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
        assert 512 <= int(values["max_packet_size"]) - MAX_PAYLOAD_BYTES <= 4096
        assert int(values["max_queued_messages"]) >= 100_000
        assert int(values["max_connections"]) == 1000
        assert (values["tls_version"], values["listener"]) == ("tlsv1.2", "8883")
        # One listener, and no other way in.
        assert sum(line.startswith(("listener", "port")) for line in text.splitlines()) == 1
        assert values["allow_anonymous"] == "false"
        assert values["require_certificate"] == "true"


def _is_closed(one: socket.socket) -> bool:
    one.settimeout(0.01)
    try:
        return one.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def _gets_in(place: Place, tls: Tls) -> bool:
    try:
        peer(place, tls).close()
    except ConnectionError:
        return False
    return True


class TestOurOwn:
    """The node's publisher and the collector's subscriber, through TLS."""

    @pytest.fixture
    def outbox(self, tmp_path: Path) -> Iterator[Outbox]:
        """Five messages wait in it."""
        with Outbox(tmp_path / "outbox.sqlite", A, KEY) as opened:
            opened.append_all([samples()["event"]] * 5)
            yield opened

    def test_from_outbox_to_ledger(
        self, place: Place, outbox: Outbox, ledger: Ledger, registry: Registry
    ) -> None:
        registry.add_node(A, "ekskolan", public_key_text(KEY.public_key()), TIME)
        subscriber = Subscriber(
            config.Broker(port=place.port, tls=place.collector), ledger, LiveReadings()
        )
        subscriber.start()
        publisher = Publisher(outbox, NodeBroker(port=place.port, tls=place.node[A]))
        publisher.start(may_be_away=False)
        wait_for(lambda: outbox.depth == 0, what="not acknowledged")
        publisher.stop()
        subscriber.stop()
        assert ledger.node_states()[A].acked_seq == 5

    def test_both_say_that_they_are_not_let_in(
        self, place: Place, outbox: Outbox, ledger: Ledger
    ) -> None:
        publisher = Publisher(outbox, NodeBroker(port=place.port, tls=place.revoked))
        with pytest.raises(BrokerError, match=r"does not let this node in .*certificate"):
            publisher.start(may_be_away=False)
        broker = config.Broker(port=place.port, tls=place.revoked)
        with pytest.raises(CollectorBrokerError, match=r"does not let the collector in .*certif"):
            Subscriber(broker, ledger, LiveReadings()).start()

    @leaves_sockets
    @pytest.mark.usefixtures("tidy")
    def test_a_broker_of_another_authority_or_host_gets_nothing(
        self, place: Place, outbox: Outbox, ledger: Ledger
    ) -> None:
        other = Tls(
            ca_file=str(place.other_authority.ca_file),
            certificate_file=place.node[A].certificate_file,
            key_file=place.node[A].key_file,
        )
        with pytest.raises(BrokerError, match="certificate verify failed"):
            Publisher(outbox, NodeBroker(port=place.port, tls=other)).start(may_be_away=False)
        elsewhere = NodeBroker(host="127.0.0.2", port=_forwarded(place), tls=place.node[A])
        with pytest.raises(BrokerError, match="IP address mismatch"):
            Publisher(outbox, elsewhere).start(may_be_away=False)
        broker = config.Broker(port=place.port, tls=other)
        with pytest.raises(CollectorBrokerError, match="certificate verify failed"):
            Subscriber(broker, ledger, LiveReadings()).start()

    @leaves_sockets
    @pytest.mark.usefixtures("tidy")
    def test_a_node_that_acts_as_the_broker_gets_nothing(
        self, place: Place, outbox: Outbox
    ) -> None:
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(place.node[B].certificate_file, place.node[B].key_file)
        with socket.create_server((HOST, 0)) as listener:
            thread = threading.Thread(target=_shake_hands, args=(listener, server))
            thread.start()
            port = listener.getsockname()[1]
            with pytest.raises(BrokerError, match="certificate verify failed"):
                Publisher(outbox, NodeBroker(port=port, tls=place.node[A])).start(may_be_away=False)
            thread.join(10)


def _forwarded(place: Place) -> int:
    """Port on 127.0.0.2 behind which the same broker is."""
    listener = socket.create_server(("127.0.0.2", 0))
    port = int(listener.getsockname()[1])

    def forward() -> None:
        with listener:
            near, _ = listener.accept()
        with near, socket.create_connection((HOST, place.port)) as far:
            back = threading.Thread(target=_copy, args=(far, near))
            back.start()
            _copy(near, far)
            back.join(10)

    threading.Thread(target=forward, daemon=True).start()
    return port


def _copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(4096):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the other side has parted


def _shake_hands(listener: socket.socket, context: ssl.SSLContext) -> None:
    near, _ = listener.accept()
    try:
        context.wrap_socket(near, server_side=True).close()
    except (ssl.SSLError, OSError):
        near.close()


class TestFiles:
    """What is written for the broker."""

    def test_the_authoritys_key_does_not_travel(self, place: Place) -> None:
        files = {path.name for path in (place.folder / "broker").iterdir()}
        assert files == {
            "mosquitto.conf", "acl", "ca.pem", "server.pem", "server.key", "revoked.pem",
            "health.pem", "health.key", "limits.conf", "log",
        }  # fmt: skip
        key = place.folder / "broker" / "server.key"
        assert key.stat().st_mode & 0o777 == 0o600
        assert key.read_bytes() != (place.authority.folder / "ca.key").read_bytes()

    def test_an_owner_that_does_not_exist_is_said(self, place: Place, tmp_path: Path) -> None:
        with pytest.raises(DeployError, match="no user nobody-at-all"):
            write_broker(tmp_path, place.authority, [HOST], "", "", owner="nobody-at-all")


def test_the_demos_broker_without_encryption_is_reached_from_this_machine_only(
    tmp_path: Path,
) -> None:
    broker = DemoBroker(tmp_path / "broker")
    try:
        assert _listens(HOST, broker.port)
        addresses = _addresses_of_this_machine()
        assert not [address for address in addresses if _listens(address, broker.port)]
        assert _bound_addresses(broker.port) == {HOST}
    finally:
        broker.child.terminate()
        broker.child.join(10)


def _addresses_of_this_machine() -> set[str]:
    found = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    return {str(address) for address in found if not str(address).startswith("127.")}


def _bound_addresses(port: int) -> set[str]:
    """Addresses on which somebody listens at that port, as the kernel knows them."""
    bound = set()
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        path = Path("/proc/net") / table
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            address, number = line.split()[1].split(":")
            if line.split()[3] == "0A" and int(number, 16) == port:
                words = bytes.fromhex(address)
                swapped = b"".join(words[i : i + 4][::-1] for i in range(0, len(words), 4))
                bound.add(socket.inet_ntop(family, swapped))
    return bound
