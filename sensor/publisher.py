"""From the outbox to the broker, until the collector has confirmed."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from sensor.config import Broker
from sensor.contract import topics
from sensor.contract.codec import decode_ack, encode_live
from sensor.contract.errors import ContractError
from sensor.contract.messages import Ack, EnrolmentResult, Live
from sensor.contract.tls import client_context
from sensor.enrolment import PendingEnrolment
from sensor.errors import BrokerError, OutboxError
from sensor.outbox import Outbox, Pending

log = logging.getLogger(__name__)

Stretches: TypeAlias = tuple[tuple[int, int], ...]

ANSWER_TIMEOUT_S = 10.0
"""How long the broker may take to let the node in."""

FIRST_WORD_S = 2.0
"""How long a node that was never acknowledged waits to hear where the collector stands."""

WINDOW = 500
"""Messages on their way at most before the collector's ``ack`` must move."""

POLL_S = 1.0
"""How often the outbox is looked at when nobody says that it has grown."""

MAX_PATIENCE_S = 600.0
"""Longest pause between two attempts to learn whether the collector is back."""


class Publisher:
    """Sends what the outbox holds, in order, at QoS 1.

    The broker's acknowledgement only ends one transmission. A message leaves the outbox when
    the collector's ``ack`` covers it; when the ``ack`` stands still for `resend_s`, everything
    after it is sent again, since a broker may lose what it acknowledged. So is what an ``ack``
    no longer covers that an earlier one did: the collector's ledger was restored from a backup.
    What an ``ack`` asks for is sent again at once. What the collector waits for and is not here
    any more is told to be lost, in the chain, so that it need not wait.

    A node that was never acknowledged first waits for what the collector has of it: one that has
    lost its memory continues there.

    Parameters
    ----------
    outbox : Outbox
        Where messages come from.
    broker : Broker
        Where they go.
    resend_s : float
        How long an ``ack`` may stand still.
    enrolment : PendingEnrolment, optional
        What the collector must hear before it believes anything.
    on_wish : callable, optional
        Given the payload and signature of what the server wishes, whoever it is from.
    """

    def __init__(
        self,
        outbox: Outbox,
        broker: Broker,
        resend_s: float = 20.0,
        enrolment: PendingEnrolment | None = None,
        on_wish: Callable[[bytes, str], None] | None = None,
    ) -> None:
        self._on_wish = on_wish
        self._enrolment = enrolment
        self._outbox = outbox
        self._broker = broker
        self._resend_s = resend_s
        self._sent_turn = outbox.held_seq
        self._asked: Stretches = ()
        self._answered_at = -math.inf
        self._knows_collector = outbox.acked_seq > 0
        self._connected_at = math.inf
        self._window = WINDOW
        self._patience_s = resend_s
        self._progress_at = time.monotonic()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._connected = threading.Event()
        self._answered = threading.Event()
        self._refusal: str | None = None
        self._feeder = threading.Thread(target=self._feed, name="publisher", daemon=True)
        self._client = self._make_client()

    def _make_client(self) -> mqtt.Client:
        node = self._outbox.node
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=f"skolro-{node}", protocol=mqtt.MQTTv5
        )
        if self._broker.tls is not None:
            client.tls_set_context(client_context(self._broker.tls))
        client.max_inflight_messages_set(WINDOW)
        client.reconnect_delay_set(min_delay=1, max_delay=60)
        client.will_set(topics.topic(node, topics.STATUS), topics.OFFLINE, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        return client

    @property
    def connected(self) -> bool:
        """Whether the broker is reached right now."""
        return self._connected.is_set()

    def start(self, *, may_be_away: bool) -> None:
        """Connect and begin to send.

        Parameters
        ----------
        may_be_away : bool
            Whether a broker that cannot be reached is waited for.

        Raises
        ------
        BrokerError
            The broker cannot be reached or does not let us in, and may not be away.
        """
        host, port = self._broker.host, self._broker.port
        if may_be_away:
            self._client.connect_async(host, port, keepalive=30)
            self._client.loop_start()
        else:
            self._connect(host, port)
        self._feeder.start()

    def _connect(self, host: str, port: int) -> None:
        try:
            self._client.connect(host, port, keepalive=30)
        except OSError as error:
            raise BrokerError(
                f"no MQTT broker answers at {host}:{port} ({error.strerror or error}): start "
                "it, correct [broker] in the configuration, or measure without with --offline"
            ) from error
        self._client.loop_start()
        if not self._answered.wait(ANSWER_TIMEOUT_S):
            self._refusal = "nothing that speaks MQTT 5 answers there"
        if self._refusal is not None:
            self._stopping.set()
            self._client.disconnect()
            self._client.loop_stop()
            raise BrokerError(
                f"the MQTT broker at {host}:{port} does not let this node in ({self._refusal}): "
                "correct [broker] in the configuration, or measure without with --offline"
            )

    def wake(self) -> None:
        """Say that the outbox has grown."""
        self._wake.set()

    def publish_live(self, live: Live) -> None:
        """Send a reading for those who look now; nobody waits for it and nothing keeps it."""
        if self.connected:
            self._client.publish(topics.topic(live.node, topics.LIVE), encode_live(live), qos=0)

    def stop(self, drain_s: float = 5.0) -> None:
        """Wait up to `drain_s` for the rest to be confirmed, then part from the broker."""
        deadline = time.monotonic() + drain_s
        self.wake()
        while self.connected and self._outbox.depth and time.monotonic() < deadline:
            time.sleep(0.02)
        self._stopping.set()
        self.wake()
        if self._feeder.is_alive():
            self._feeder.join()
        if self.connected:
            # A regular goodbye suppresses the will, so the word is said here.
            status = topics.topic(self._outbox.node, topics.STATUS)
            self._client.publish(status, topics.OFFLINE, qos=1, retain=True).wait_for_publish(2)
        self._client.disconnect()
        self._client.loop_stop()

    def _feed(self) -> None:
        while not self._stopping.is_set():
            try:
                sent = self._connected.is_set() and self._send_some()
            except OutboxError as error:
                log.error("%s", error)
                sent = False
            if not sent:
                self._wake.wait(POLL_S)
                self._wake.clear()

    def _send_some(self) -> bool:
        now = time.monotonic()
        if not self._knows_collector and now - self._connected_at < FIRST_WORD_S:
            return False
        held = self._outbox.held_seq
        self._sent_turn = max(self._sent_turn, held)
        batch = self._next_batch()
        waits = self._sent_turn > held or (not batch and self._outbox.depth > 0)
        if waits and now - self._progress_at > self._patience_s:
            self._begin_again(held)
            batch = self._next_batch()
        elif self._asked and now - self._answered_at > self._resend_s:
            self._answer(self._asked)
        if batch and self._sent_turn == held:
            self._progress_at = now
        self._send_all(batch)
        return bool(batch)

    def _next_batch(self) -> list[Pending]:
        room = self._window - self._outbox.on_their_way(self._sent_turn)
        return self._outbox.pending(self._sent_turn, min(room, 100)) if room > 0 else []

    def _begin_again(self, held: int) -> None:
        log.warning("no ack beyond message %d: sending what follows again", held)
        self._sent_turn = held
        self._window = 1
        self._patience_s = min(2 * self._patience_s, MAX_PATIENCE_S)
        self._progress_at = time.monotonic()
        self._enrol()
        self._tell_lost(held + 1, self._outbox.last_seq)
        self._send_all(self._outbox.needed_first())

    def _answer(self, asked: Stretches) -> None:
        self._asked = ()
        self._answered_at = time.monotonic()
        held = self._outbox.held_seq
        for first, last in asked:
            # Of what it has nothing need be said, whoever asks.
            self._tell_lost(max(first, held + 1), last)
            here = self._outbox.between(first, last, WINDOW)
            # What has not had its turn yet will have it.
            again = [pending for pending in here if pending.turn <= self._sent_turn]
            log.info("the collector asks for messages %d to %d", first, last)
            self._send_all(again)

    def _tell_lost(self, first: int, last: int) -> None:
        count = self._outbox.tell_lost(first, last)
        if count:
            log.error(
                "the collector misses %d messages that are no longer kept here, and is told so: "
                "if its ledger was restored, a newer backup may have them", count,
            )  # fmt: skip

    def _send_all(self, batch: list[Pending]) -> None:
        if batch:
            self._outbox.note_offered(max(pending.turn for pending in batch))
        for pending in batch:
            self._send(pending)

    def _enrol(self) -> None:
        if self._enrolment is not None and self._enrolment.is_open:
            self._publish(topics.ENROL, self._enrolment.payload, self._enrolment.signature)

    def _publish(self, kind: str, payload: bytes, signature: str) -> None:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho has no types here
        properties.UserProperty = ("sig", signature)
        name = topics.topic(self._outbox.node, kind)
        self._client.publish(name, payload, qos=1, properties=properties)

    def _send(self, pending: Pending) -> None:
        self._publish(pending.kind, pending.payload, pending.signature)
        self._sent_turn = max(self._sent_turn, pending.turn)

    def _on_connect(
        self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if reason.is_failure:
            self._refusal = str(reason)
            self._answered.set()
            log.error("the broker refuses this node: %s", reason)
            return
        node = self._outbox.node
        client.subscribe(topics.topic(node, topics.ACK), qos=1)
        if self._on_wish is not None:
            client.subscribe(topics.topic(node, topics.CONFIG), qos=1)
        # Before all else, so that the collector knows the key when the first message comes.
        self._enrol()
        client.publish(topics.topic(node, topics.STATUS), topics.ONLINE, qos=1, retain=True)
        self._connected_at = time.monotonic()
        self._connected.set()
        self._answered.set()
        self.wake()

    def _on_disconnect(
        self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        self._connected.clear()
        if not self._answered.is_set():
            self._refusal = "it closes the connection, as when a certificate does not suit it"
            self._answered.set()
        if not self._stopping.is_set():
            log.warning("the broker is away (%s): measuring goes on, messages wait", reason)

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        if self._on_wish is not None and message.topic.endswith(f"/{topics.CONFIG}"):
            pairs = getattr(message.properties, "UserProperty", ())
            signature = next((value for name, value in pairs if name == "sig"), "")
            # Empty: the broker was told to forget what it kept.
            if message.payload:
                self._on_wish(bytes(message.payload), signature)
            return
        try:
            ack = decode_ack(bytes(message.payload))
            if ack.enrolment is not None:
                self._hear_of_enrolment(ack.enrolment)
                return
            if not self._knows_collector:
                self._meet(ack)
            moved = self._outbox.acknowledged(ack.seq)
        except (ContractError, OutboxError) as error:
            log.error("an ack was not understood or kept: %s", error)
            return
        if moved < 0:
            # Two collectors' acks may overtake each other, so what follows is sent again only when
            # the ack stays there, as any other that stands still.
            log.info("the collector's ack fell back to message %d", ack.seq)
            self._patience_s = self._resend_s
        if moved > 0:
            self._window = min(2 * self._window, WINDOW)
            self._patience_s = self._resend_s
            self._progress_at = time.monotonic()
        self._asked = ack.missing if moved == 0 else ()
        self.wake()

    def _hear_of_enrolment(self, result: EnrolmentResult) -> None:
        if self._enrolment is not None:
            self._enrolment.answered(result)

    def _meet(self, ack: Ack) -> None:
        """Hear for the first time where the collector stands."""
        highest, head = ack.highest_seq, ack.head_sha256
        if highest and head and self._outbox.continue_after(highest, head):
            self._sent_turn = highest
            log.warning(
                "the collector has messages of this node up to %d that are not known here: "
                "going on from there", highest,
            )  # fmt: skip
        self._knows_collector = True

    def _on_publish(
        self, _client: mqtt.Client, _data: Any, _mid: int, reason: Any, _properties: Any
    ) -> None:
        if reason.is_failure:
            log.error("the broker refused a message: %s", reason)
