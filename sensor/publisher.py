"""From the outbox to the broker, until the collector has confirmed."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from sensor.config import Broker
from sensor.contract import topics
from sensor.contract.codec import decode_ack, encode_live
from sensor.contract.errors import ContractError
from sensor.contract.messages import Live
from sensor.errors import BrokerError, OutboxError
from sensor.outbox import Outbox, Pending

log = logging.getLogger(__name__)

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
    after it is sent again, since a broker may lose what it acknowledged.

    Parameters
    ----------
    outbox : Outbox
        Where messages come from.
    broker : Broker
        Where they go.
    resend_s : float
        How long an ``ack`` may stand still.
    """

    def __init__(self, outbox: Outbox, broker: Broker, resend_s: float = 20.0) -> None:
        self._outbox = outbox
        self._broker = broker
        self._resend_s = resend_s
        self._sent_seq = outbox.acked_seq
        self._window = WINDOW
        self._patience_s = resend_s
        self._progress_at = time.monotonic()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._connected = threading.Event()
        self._feeder = threading.Thread(target=self._feed, name="publisher", daemon=True)
        self._client = self._make_client()

    def _make_client(self) -> mqtt.Client:
        node = self._outbox.node
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=f"skolro-{node}", protocol=mqtt.MQTTv5
        )
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
            The broker cannot be reached and may not be away.
        """
        host, port = self._broker.host, self._broker.port
        if may_be_away:
            self._client.connect_async(host, port, keepalive=30)
        else:
            try:
                self._client.connect(host, port, keepalive=30)
            except OSError as error:
                raise BrokerError(
                    f"no MQTT broker answers at {host}:{port} ({error.strerror or error}): start "
                    "it, correct [broker] in the configuration, or measure without with --offline"
                ) from error
        self._client.loop_start()
        self._feeder.start()

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
        acked = self._outbox.acked_seq
        self._sent_seq = max(self._sent_seq, acked)
        if self._sent_seq > acked and time.monotonic() - self._progress_at > self._patience_s:
            log.warning("no ack beyond message %d: sending it again", acked)
            self._sent_seq = acked
            self._window = 1
            self._patience_s = min(2 * self._patience_s, MAX_PATIENCE_S)
        room = self._window - (self._sent_seq - acked)
        batch = self._outbox.pending(after=self._sent_seq, limit=min(room, 100)) if room > 0 else []
        if batch and self._sent_seq == acked:
            self._progress_at = time.monotonic()
        for pending in batch:
            self._send(pending)
        return bool(batch)

    def _send(self, pending: Pending) -> None:
        properties = Properties(PacketTypes.PUBLISH)
        properties.UserProperty = ("sig", pending.signature)
        name = topics.topic(self._outbox.node, pending.kind)
        self._client.publish(name, pending.payload, qos=1, properties=properties)
        self._sent_seq = pending.seq

    def _on_connect(
        self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if reason.is_failure:
            log.error("the broker refuses this node: %s", reason)
            return
        node = self._outbox.node
        client.subscribe(topics.topic(node, topics.ACK), qos=1)
        client.publish(topics.topic(node, topics.STATUS), topics.ONLINE, qos=1, retain=True)
        self._connected.set()
        self.wake()

    def _on_disconnect(
        self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        self._connected.clear()
        if not self._stopping.is_set():
            log.warning("the broker is away (%s): measuring goes on, messages wait", reason)

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            gone = self._outbox.acknowledged(decode_ack(message.payload).seq)
        except (ContractError, OutboxError) as error:
            log.error("an ack was not understood or kept: %s", error)
            return
        if gone:
            self._window = min(2 * self._window, WINDOW)
            self._patience_s = self._resend_s
            self._progress_at = time.monotonic()
            self.wake()

    def _on_publish(
        self, _client: mqtt.Client, _data: Any, _mid: int, reason: Any, _properties: Any
    ) -> None:
        if reason.is_failure:
            log.error("the broker refused a message: %s", reason)
