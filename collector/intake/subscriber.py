"""From the broker to the ledger: nothing is acknowledged before it is durable."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from collector.config import Broker
from collector.errors import BrokerError, LedgerError
from collector.intake.buffered_client import BufferedClient
from collector.intake.enrolling import EnrolmentDesk
from collector.intake.intake import Incoming, Intake
from collector.intake.live import LiveReadings
from collector.intake.mqtt_strings import teach_paho
from collector.ledger.ledger import Ledger
from collector.ledger.verification import Received
from sensor.contract import topics
from sensor.contract.codec import decode_live, encode_ack
from sensor.contract.errors import ConfigError, ContractError
from sensor.contract.messages import Ack
from sensor.contract.tls import client_context, read_again

log = logging.getLogger(__name__)

RECEIVE_MAXIMUM: Final = 3000
"""Messages that the broker may send before the first is acknowledged: two batches, so that one
can come in while the other is committed."""

_QOS_0_MAXIMUM: Final = 2 * RECEIVE_MAXIMUM
_SESSION_EXPIRY_S: Final = 0xFFFFFFFF  # the broker keeps the session for ever
_SHARED_SESSION_EXPIRY_S: Final = 10
"""A broker may go on handing a shared subscription's messages to a member that is away, so one
that does not come back at once is forgotten, and nodes send again what it had not stored."""

_ANSWER_TIMEOUT_S: Final = 10.0
_KEEPALIVE_S: Final = 30


class Subscriber:
    """Fetches the nodes' messages and confirms what the ledger holds.

    The session at the broker persists, so what comes while the collector is away is kept there.
    A message is acknowledged to the broker, and by ``ack`` to its node, after the commit that
    made it durable, or that put it into quarantine.

    Parameters
    ----------
    broker : Broker
        Where the broker is.
    ledger : Ledger
        Where messages go.
    live : LiveReadings
        Where readings go that nobody stores.
    enrolments : EnrolmentDesk, optional
        Who answers nodes that come for the first time; without it nobody does.
    on_confirmed : callable, optional
        Told after each batch for how many seconds its oldest message had waited.
    """

    def __init__(
        self,
        broker: Broker,
        ledger: Ledger,
        live: LiveReadings,
        on_confirmed: Callable[[float], None] | None = None,
        enrolments: EnrolmentDesk | None = None,
    ) -> None:
        self._broker = broker
        self._enrolments = enrolments
        self._on_confirmed = on_confirmed
        self._registry = ledger.registry
        self._live = live
        self._intake = Intake(ledger, self._confirm)
        self._tls = None if broker.tls is None else client_context(broker.tls)
        self._client = self._make_client()
        self._answered = threading.Event()
        self._subscribed = threading.Event()
        self._refusal: str | None = None
        # Acknowledging on another connection than the message came on could confirm a message
        # that is not durable: the broker's numbers start anew.
        self._connection = 0
        self._connection_lock = threading.Lock()
        self.dropped = 0

    @property
    def where(self) -> str:
        """Where the broker is, for people."""
        return f"{self._broker.host}:{self._broker.port}"

    @property
    def is_connected(self) -> bool:
        """Whether messages can come in right now."""
        return self._subscribed.is_set() and self._client.is_connected()

    @property
    def lag(self) -> int:
        """How many messages were received and are not durable yet."""
        return self._intake.pending

    @property
    def attempts(self) -> int:
        """How often a batch was tried to be stored; while messages wait, it must grow."""
        return self._intake.attempts

    @property
    def is_running(self) -> bool:
        """Whether the threads that receive and store are there."""
        # The name is paho's; what ends its thread is a fault in a callback, which it tells nobody.
        network = f"paho-mqtt-client-{self._broker.client_id}"
        return self._intake.is_alive and any(one.name == network for one in threading.enumerate())

    @property
    def trouble(self) -> str | None:
        """Why the ledger cannot store right now; None: it can."""
        return self._intake.trouble

    @property
    def failure(self) -> Exception | None:
        """The fault in the program that ended the intake for good; None: it works."""
        return self._intake.failure

    @property
    def connection(self) -> int:
        """Rises each time that the connection is lost."""
        return self._connection

    def tell(self, node: str, payload: bytes, signature: str) -> None:
        """Have the broker keep a wish for `node`; an empty one takes back what it keeps."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho has no types here
        if signature:
            properties.UserProperty = ("sig", signature)
        name = topics.topic(node, topics.CONFIG)
        self._client.publish(name, payload, qos=1, retain=True, properties=properties)

    def start(self) -> None:
        """Connect and subscribe; later losses of the connection mend by themselves.

        Raises
        ------
        BrokerError
            The broker cannot be reached, is not the one we trust, or refuses us.
        """
        where = self.where
        try:
            self._client.connect(
                self._broker.host,
                self._broker.port,
                keepalive=_KEEPALIVE_S,
                clean_start=False,
                properties=_session(shared=self._broker.share is not None),
            )
        except OSError as error:
            raise BrokerError(
                f"no MQTT broker answers at {where} ({error.strerror or error}): start it, or "
                "correct [broker] in the configuration"
            ) from error
        self._intake.start()
        self._client.loop_start()
        if not self._answered.wait(_ANSWER_TIMEOUT_S):
            self._refusal = "nothing that speaks MQTT 5 answers there"
        if self._refusal is not None:
            self.stop()
            raise BrokerError(
                f"the MQTT broker at {where} does not let the collector in ({self._refusal}): "
                "correct [broker] in the configuration, or the broker's own"
            )

    def stop(self) -> None:
        """Finish the batch at hand and part; the broker keeps what comes from now on."""
        self._intake.stop()
        self._client.disconnect()
        self._client.loop_stop()

    def _make_client(self) -> BufferedClient:
        teach_paho()
        client = BufferedClient(
            CallbackAPIVersion.VERSION2,
            client_id=self._broker.client_id,
            protocol=mqtt.MQTTv5,
            manual_ack=True,
        )
        if self._broker.username is not None:
            client.username_pw_set(self._broker.username, self._broker.password)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        client.max_inflight_messages_set(RECEIVE_MAXIMUM)
        client.reconnect_delay_set(min_delay=1, max_delay=30)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    # --- in the thread of the MQTT client

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, code: Any, _p: Any) -> None:
        if code.is_failure:
            self._answer(str(code))
            return
        # Anew each time: a broker that has forgotten us has forgotten this too.
        client.subscribe(topics.subscriptions(self._broker.share))

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, codes: Any, _p: Any) -> None:
        refused = [str(code) for code in codes if code.is_failure]
        if refused:
            self._answer(f"subscribing: {refused[0]}")
            return
        self._subscribed.set()
        self._answer(None)

    def _answer(self, refusal: str | None) -> None:
        if not self._answered.is_set():
            self._refusal = refusal
            self._answered.set()
        elif refusal is not None:
            log.error("the MQTT broker does not let the collector in: %s", refusal)
        else:
            log.info("connected to the MQTT broker again")

    def _on_disconnect(
        self, _client: Any, _data: Any, _flags: Any, code: Any, _properties: Any
    ) -> None:
        with self._connection_lock:
            self._connection += 1
        self._subscribed.clear()
        self._read_certificate_again()
        if not self._answered.is_set():
            self._answer("it closes the connection, as when a certificate does not suit it")
        elif code.is_failure:
            log.warning("the MQTT broker is gone (%s); trying again", code)

    def _read_certificate_again(self) -> None:
        # It may have been renewed since we connected, which may be years ago.
        if self._tls is None or self._broker.tls is None:
            return
        try:
            read_again(self._tls, self._broker.tls)
        except ConfigError as error:
            log.warning("%s", error)

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        topic = _topic(message)
        if topic.endswith(f"/{topics.LIVE}"):
            self._take_live(topic, message)
            return
        if message.qos == 0 and self._intake.pending >= _QOS_0_MAXIMUM:
            # At QoS 0 no flow control holds the sender back. It will resend: no ack comes.
            self.dropped += 1
            return
        received = Received(topic, bytes(message.payload), _signature(message), datetime.now(UTC))
        if topic.endswith(f"/{topics.ENROL}") and self._has_enrolled(received):
            self._client.ack_all([message.mid] if message.qos else [])
            return
        self._intake.put(Incoming(received, message.mid, message.qos, self._connection))

    def _take_live(self, topic: str, message: mqtt.MQTTMessage) -> None:
        try:
            live = decode_live(bytes(message.payload))
            node = topics.parse(topic).node
            known = node in self._registry.recent_inventory().nodes
        except (ContractError, LedgerError) as error:
            log.debug("a live reading on %r is left out: %s", topic, error)
            return
        if known and live.node == node:
            self._live.update(live)

    def _has_enrolled(self, received: Received) -> bool:
        """Answer a node that enrols; False: it was none, and goes where bad messages go."""
        if self._enrolments is None:
            return True
        try:
            ack = self._enrolments.answer(received)
        except ContractError as error:
            log.warning("an enrolment on %r was not understood: %s", received.topic, error)
            return False
        if ack is not None:
            node = topics.parse(received.topic).node
            self._client.publish(topics.topic(node, topics.ACK), encode_ack(ack), qos=0)
        return True

    # --- in the thread of the intake

    def _confirm(self, batch: Sequence[Incoming], acks: Mapping[str, Ack]) -> None:
        # At QoS 0, which costs a third: an ack that is lost leaves its node with one more to send
        # or to say that it is back, and the answer to either is the newest.
        for node, ack in acks.items():
            self._client.publish(topics.topic(node, topics.ACK), encode_ack(ack), qos=0)
        with self._connection_lock:
            self._client.ack_all(
                incoming.mid
                for incoming in batch
                if incoming.qos and incoming.connection == self._connection
            )
        if self._on_confirmed is not None:
            waited = datetime.now(UTC) - batch[0].received.received_at
            self._on_confirmed(waited.total_seconds())


def _session(*, shared: bool) -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has no types here
    properties.SessionExpiryInterval = _SHARED_SESSION_EXPIRY_S if shared else _SESSION_EXPIRY_S
    properties.ReceiveMaximum = RECEIVE_MAXIMUM
    return properties


def _topic(message: mqtt.MQTTMessage) -> str:
    try:
        return message.topic
    except UnicodeDecodeError as error:
        # Not every broker looks; such a topic is none of ours.
        return error.object.decode("utf-8", "replace")


def _signature(message: mqtt.MQTTMessage) -> str | None:
    pairs = getattr(message.properties, "UserProperty", ())
    return next((value for name, value in pairs if name == "sig"), None)
