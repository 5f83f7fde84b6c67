"""The node's life: open everything, measure until told to stop, leave nothing behind."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from sensor.blocks import AudioBlock
from sensor.calibrated import calibrated
from sensor.clock import Clocks, boot_time
from sensor.commissioning.gate import Gate, watched
from sensor.commissioning.node import Node
from sensor.commissioning.opening import Door
from sensor.commissioning.work import Work
from sensor.config import NodeConfig
from sensor.contract.commissioning import CommissioningNow
from sensor.contract.messages import Health, Live, Message
from sensor.contract.systemd import Notifier
from sensor.enrolment import pending_enrolment
from sensor.errors import SensorError
from sensor.health import Found, HealthReporter
from sensor.identity import load_or_make_key
from sensor.inputs import Input, SpeedReading, open_input, open_radar
from sensor.light import LEDS, Condition, Light
from sensor.outbox import Outbox
from sensor.passby.vehicle import load_classifier
from sensor.publisher import Publisher
from sensor.station import Station
from sensor.time_service import kernel_clock
from sensor.watchdog import Watchdog
from sensor.witness import LOOK_S, Witness, report_of

log = logging.getLogger(__name__)

OUTBOX_FILE = "outbox.sqlite"


@dataclass(frozen=True, slots=True)
class Updates:
    """What lets a node be updated from afar.

    Attributes
    ----------
    exchange : Path
        The folder shared with the updater.
    config : Path
        The file that the configuration was read from.
    """

    exchange: Path
    config: Path


class _OutboxSink:
    """Stores messages in the outbox and shows readings by way of the publisher."""

    def __init__(self, outbox: Outbox, publisher: Publisher, witness: Witness | None) -> None:
        self._outbox = outbox
        self._publisher = publisher
        self._witness = witness
        self.at_work: Callable[[], CommissioningNow | None] = lambda: None

    def store(self, message: Message) -> None:
        self.number(message)

    def number(self, message: Message) -> int:
        """Store a message, and return the number that it got."""
        seq = self._outbox.append(replace(message, boot=boot_time()))
        self._publisher.wake()
        return seq

    def show(self, live: Live) -> None:
        now = self.at_work()
        self._publisher.publish_live(live if now is None else replace(live, commissioning=now))
        if self._witness is not None:
            self._witness.saw(live)


def run(config: NodeConfig, *, offline: bool = False, updates: Updates | None = None) -> None:
    """Measure and publish until the source ends or SIGTERM or SIGINT comes.

    Parameters
    ----------
    config : NodeConfig
        What the node is told.
    offline : bool
        Whether a broker that was never reached before may be away. One that was reached
        before may always be: measuring must not wait for a network.
    updates : Updates, optional
        How it is updated from afar; None: it is not.

    Raises
    ------
    SensorError
        Something cannot be opened, or can no longer be stored.
    """
    data_dir = Path(config.data_dir)
    key = load_or_make_key(data_dir)
    with (
        open_input(config.input) as source,
        Outbox(data_dir / OUTBOX_FILE, config.node, key, config.outbox) as outbox,
    ):
        enrolment = pending_enrolment(config.node, data_dir, key)
        witness = None if updates is None else Witness(updates.exchange, outbox, updates.config)
        publisher = Publisher(
            outbox,
            config.broker,
            enrolment=enrolment,
            on_wish=None if witness is None else witness.wished,
        )
        publisher.start(may_be_away=offline or outbox.acked_seq > 0)
        try:
            with _stopped_by_signals(source):
                _measure(config, source, outbox, publisher, data_dir, witness)
        finally:
            publisher.stop()
        log.info("stopped; %d messages wait in the outbox", outbox.depth)


def _measure(
    config: NodeConfig,
    source: Input,
    outbox: Outbox,
    publisher: Publisher,
    data_dir: Path,
    witness: Witness | None,
) -> None:
    sink = _OutboxSink(outbox, publisher, witness)
    classifier = load_classifier(Path(config.model_dir) if config.model_dir else data_dir / "model")
    microphone = calibrated(config, source.sample_rate, datetime.now(UTC))
    reporter = HealthReporter(
        config.node, data_dir, source, microphone.checked_at, lambda: report_of(witness)
    )

    def health() -> Health:
        found = Found(
            microphone=station.microphone,
            outbox_depth=outbox.depth,
            events_dropped=station.events_dropped,
            lowest_laeq_db=station.take_lowest_laeq_db(),
            outbox_oldest_s=outbox.oldest_s,
        )
        return reporter.report(found)

    def condition() -> Condition:
        if source.state == "lost" or station.microphone not in {"ok", "unknown"}:
            return "fault"
        return "measuring" if publisher.connected else "no_network"

    def report() -> None:
        sink.store(health())

    def look() -> None:
        state = "lost" if source.state == "lost" else station.microphone
        if witness is not None and witness.look(state):
            report()

    def adjust() -> None:
        now = calibrated(config, source.sample_rate, datetime.now(UTC))
        station.adjust(now)
        reporter.calibrated(now.checked_at)

    work = Work(
        Node(
            config=config,
            source=source,
            store=sink.number,
            acked_seq=lambda: outbox.acked_seq,
            waiting=lambda: outbox.depth,
            connected=lambda: publisher.connected,
            health=health,
            adjust=adjust,
        )
    )
    sink.at_work = work.live
    station = Station(
        config,
        source,
        sink,
        classifier,
        microphone=microphone,
        alarm=report,
        onlooker=work.passed,
        clocks=Clocks(synchronised=lambda: kernel_clock().synchronised),
    )
    log.info("%s measures from %s", config.node, source.description)
    notifier = Notifier()
    watchdog = Watchdog(notifier, source)
    notifier.ready()
    gate = Gate(config.commissioning, config.node, Door(data_dir), work)
    with (
        _every(config.health_s, report),
        _every(notifier.interval_s, watchdog.feed, "watchdog"),
        _every(LOOK_S, look, "witness") if witness is not None else nullcontext(),
        _watched_by_radar(config, (station.see, work.see)),
        watched(gate),
        _shown_by_light(config, condition),
    ):
        try:
            for block in source.blocks():
                _hear(block, station, work)
                watchdog.passed()
        finally:
            notifier.stopping()
            station.finish()


def _hear(block: AudioBlock, station: Station, work: Work) -> None:
    """Measure a block, unless it is made of what somebody does at the microphone."""
    station.somebody_is_at_work(work.at_work)
    street = work.street(block)
    if street is not None:
        station.process(street)


@contextmanager
def _every(seconds: float, act: Callable[[], None], name: str = "health") -> Iterator[None]:
    """Call `act` now and every so often, in a thread: a lost microphone gives no blocks."""
    stopping = threading.Event()

    def beat() -> None:
        while True:
            try:
                act()
            except SensorError as error:
                log.error("no health was reported: %s", error)
            if stopping.wait(seconds):
                return

    thread = threading.Thread(target=beat, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


@contextmanager
def _watched_by_radar(
    config: NodeConfig, watchers: Sequence[Callable[[SpeedReading], None]]
) -> Iterator[None]:
    """Hand what the radar sees, if there is one, to all `watchers`."""
    if config.radar is None:
        yield
        return
    with open_radar(config.radar) as radar:
        log.info("speed from %s", radar.description)

        def look() -> None:
            for reading in radar.readings():
                for see in watchers:
                    see(reading)

        thread = threading.Thread(target=look, name="radar", daemon=True)
        thread.start()
        try:
            yield
        finally:
            radar.stop()
            thread.join()


@contextmanager
def _shown_by_light(config: NodeConfig, condition: Callable[[], Condition]) -> Iterator[None]:
    """Let a light show how the node is, if it is told to; without one it measures as well."""
    with ExitStack() as stack:
        if config.light is not None:
            try:
                stack.enter_context(Light(LEDS / config.light.led, condition))
            except SensorError as error:
                log.error("%s", error)
        yield


@contextmanager
def _stopped_by_signals(source: Input) -> Iterator[None]:
    """Let SIGTERM and SIGINT end the source, so that all after it ends in order."""
    signals = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda *_: source.stop()) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
