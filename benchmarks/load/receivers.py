"""What receives: the product's subscriber with its ledger, and one that stores nothing.

    python -m benchmarks.load.receivers collector PORT LEDGER_URL [CLIENT_ID]
    python -m benchmarks.load.receivers bare PORT

With a CLIENT_ID the collector shares what comes with others. Each prints ``ready`` when it is
subscribed; the bare one then prints, four times a second, how
many messages it has got.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from collector.config import Broker
from collector.database.database import open_database
from collector.intake.live import LiveReadings
from collector.intake.subscriber import RECEIVE_MAXIMUM, Subscriber
from collector.ledger.ledger import Ledger
from collector.operations.garbage import look_for_garbage_seldom
from collector.registry.registry import Registry
from sensor.contract import topics


def collect(port: str, url: str, client_id: str | None = None) -> None:
    """Run what ``skolro collector serve`` runs, but for pages and forwarding."""
    engine = open_database(url)
    look_for_garbage_seldom()
    broker = Broker(port=int(port))
    if client_id is not None:
        broker = Broker(port=int(port), client_id=client_id, share="collectors")
    subscriber = Subscriber(broker, Ledger(engine, Registry(engine)), LiveReadings())
    subscriber.start()
    print("ready", flush=True)
    threading.Event().wait()


class Bare:
    """A paho subscriber that acknowledges each message itself, and does nothing else."""

    def __init__(self, port: str) -> None:
        self.count = 0
        self.subscribed = threading.Event()
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id="bare", protocol=mqtt.MQTTv5, manual_ack=True
        )
        self.client.max_inflight_messages_set(RECEIVE_MAXIMUM)
        self.client.on_message = self._on_message
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has no types here
        properties.SessionExpiryInterval = 0xFFFFFFFF
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        self.client.connect("127.0.0.1", int(port), clean_start=False, properties=properties)
        self.client.subscribe(topics.subscriptions())

    def _on_message(self, client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self.count += 1
        client.ack(message.mid, message.qos)


def receive(port: str) -> None:
    """Receive and acknowledge, and tell how many came."""
    bare = Bare(port)
    bare.client.loop_start()
    bare.subscribed.wait(10)
    print("ready", flush=True)
    while True:
        time.sleep(0.25)
        print(bare.count, flush=True)


def main(kind: str, *arguments: str) -> None:
    """Receive until killed."""
    if kind == "collector":
        collect(*arguments)
    else:
        receive(*arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
