"""The pipeline of a node, from a block of sound to the messages it leads to.

No network and no disk here: what is found is handed to a :class:`Sink`.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from queue import SimpleQueue
from typing import Final, Protocol

from sensor.acoustics.meter import LevelReading, LevelStep, SoundLevelMeter
from sensor.acoustics.watch import MicrophoneState, MicrophoneWatch
from sensor.blocks import AudioBlock, RecentSound, StreamClock
from sensor.calibrated import Calibrated
from sensor.clock import NEVER_SET_BEFORE, Clocks, ClockWatch
from sensor.config import NodeConfig
from sensor.contract.messages import Event, Flag, Live, Message
from sensor.events import EventAnalyst, Passage
from sensor.inputs import Input, SpeedReading
from sensor.levels import LevelBatcher, rounded
from sensor.passby.detector import Detection, EventDetector
from sensor.passby.thresholds import BUFFER_S
from sensor.passby.vehicle import VehicleClassifier

log = logging.getLogger(__name__)

UNCALIBRATED: Final = Calibrated()
SYSTEM_CLOCKS: Final = Clocks()

WAITING_EVENTS: Final = 4
"""Events that may wait for their analysis; then the sound waits, in the input's own buffer."""


AROUND_S: Final = 2.0
"""Sound before and after an event that its speed is measured in, as far as it is there."""


class Sink(Protocol):
    """Where a station's findings go."""

    def store(self, message: Message) -> None:
        """Keep a message durably; called from more than one thread."""

    def show(self, live: Live) -> None:
        """Pass on a reading to those who look now."""


class Station:
    """Measures, detects and describes, block by block.

    What an event was and how fast takes up to seconds of computing, so it happens in one thread
    beside; events leave in the order in which they ended.

    Parameters
    ----------
    config : NodeConfig
        What the node is told.
    source : Input
        Where the sound comes from.
    sink : Sink
        Where messages go.
    classifier : VehicleClassifier, optional
        Without it sources stay unclassified.
    microphone : Calibrated
        How the meter is adjusted.
    alarm : callable
        Called when the microphone's state has changed.
    onlooker : callable, optional
        Is shown each event with what it was made of, in the thread that described it.
    clocks : Clocks
        What is known of the time.
    """

    def __init__(
        self,
        config: NodeConfig,
        source: Input,
        sink: Sink,
        classifier: VehicleClassifier | None = None,
        *,
        microphone: Calibrated = UNCALIBRATED,
        alarm: Callable[[], None] = lambda: None,
        onlooker: Callable[[Passage], None] | None = None,
        clocks: Clocks = SYSTEM_CLOCKS,
    ) -> None:
        self._node = config.node
        self._sink = sink
        self._clocks = clocks
        self._clock_watch: ClockWatch | None = None
        # Since when nobody was told, and where the clock was set last.
        self._step_untold = False
        self._stepped_at_frame = -1
        self._source = source
        self._alarm = alarm
        self._onlooker = onlooker
        self._at_work = False
        self._simulated: frozenset[Flag] = frozenset({"simulated"} if source.simulated else set())
        self._always = self._simulated | microphone.flags
        self._watch = MicrophoneWatch(config.meter.microphone_floor_db)
        self._lowest_laeq_db: float | None = None
        self._clock: StreamClock | None = None
        self._meter = SoundLevelMeter(
            source.sample_rate,
            full_scale_pa=source.full_scale_pa,
            channel=config.meter.channel,
            sensitivity=microphone.sensitivity,
            correction=microphone.correction,
            microphone_floor_db=config.meter.microphone_floor_db,
        )
        self._detector = EventDetector(config.detector, source.sample_rate)
        self._recent = RecentSound(BUFFER_S)
        self._levels = config.levels
        self._analyst = EventAnalyst(
            config.node,
            config.mounting,
            classifier,
            config.meter.channel,
            normalise=config.detector.normalise_to_7m5,
        )
        self._radar_inbox: SimpleQueue[SpeedReading] = SimpleQueue()
        self._radar: deque[SpeedReading] = deque()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="analyst")
        self._analyses: list[Future[None]] = []

    @property
    def events_dropped(self) -> int:
        """Events given up by the limit on rate."""
        return self._detector.dropped

    @property
    def microphone(self) -> MicrophoneState:
        """Whether what the microphone delivers is sound at all."""
        return self._watch.state

    def take_lowest_laeq_db(self) -> float | None:
        """Lowest LAeq of a reading since this was last asked, believed or not; None: none was."""
        lowest, self._lowest_laeq_db = self._lowest_laeq_db, None
        return rounded(lowest)

    def adjust(self, microphone: Calibrated) -> None:
        """Measure with another adjustment from the next block on; not from another thread."""
        self._meter.adjust(microphone.sensitivity)
        self._always = self._simulated | microphone.flags

    def somebody_is_at_work(self, at_work: bool) -> None:
        """Mark what is measured from now on, or no longer."""
        self._at_work = at_work

    def see(self, reading: SpeedReading) -> None:
        """Take in what the radar saw; may be called from another thread."""
        self._radar_inbox.put(reading)

    def process(self, block: AudioBlock) -> None:
        """Take in the next block."""
        self._date(block)
        self._take_radar()
        self._recent.add(block)
        self._measure(*self._meter.process(block))

    def finish(self) -> None:
        """End what is going on, and wait until all of it is stored."""
        if self._clock is not None:
            self._measure(*self._meter.flush())
            for detection in self._detector.flush():
                self._analyse(detection)
            for batch in self._batcher.flush():
                self._sink.store(batch)
        self._worker.shutdown(wait=True)
        self._settle(0)

    def _date(self, block: AudioBlock) -> None:
        """Relate the stream to the wall clock, and note when that was set."""
        now, boot = self._clocks.now(), self._clocks.boot_s()
        if self._clock is None or self._clock_watch is None:
            self._start(StreamClock(block.sample_rate, now), block)
            self._clock_watch = ClockWatch(now, boot)
        elif self._source.real_time:
            set_by_s = self._clock_watch.set_by(now, boot)
            self._clock.set_by(set_by_s)
            if self._clock.discipline(block.end_frame, now) or set_by_s:
                log.warning("the clock was set: times before and after do not fit together")
                self._step_untold = True
                self._stepped_at_frame = block.end_frame

    def _start(self, clock: StreamClock, block: AudioBlock) -> None:
        if self._source.real_time:
            # The first block has just ended.
            clock.anchor -= clock.time_of(block.end_frame) - clock.anchor
        self._clock = clock
        self._batcher = LevelBatcher(
            self._node, clock, self._levels.interval_s, self._levels.batch_s
        )

    def _measure(self, readings: list[LevelReading], steps: list[LevelStep]) -> None:
        believed = [self._believed(reading) for reading in readings]
        for reading in believed:
            # A reading may begin some blocks after the one that told of the clock.
            self._pass_on(reading, self._now_flags(stepped=self._step_untold))
            self._step_untold = False
        for detection in self._detector.process(believed, steps):
            self._analyse(detection)

    def _believed(self, reading: LevelReading) -> LevelReading:
        if reading.laeq_db is not None:
            lowest = self._lowest_laeq_db
            self._lowest_laeq_db = min(
                reading.laeq_db, reading.laeq_db if lowest is None else lowest
            )
        for alarm in self._watch.process(reading):
            log.warning("%s", alarm.text)
            self._alarm()
        return self._watch.judged(reading)

    def _now_flags(self, *, stepped: bool) -> frozenset[Flag]:
        flags: set[Flag] = set(self._always)
        if self._watch.state != "ok":
            flags.add("microphone_fault")
        if self._at_work:
            flags.add("commissioning")
        if stepped:
            flags.add("clock_step")
        if self._clock_is_unsure():
            flags.add("clock_unsure")
        return frozenset(flags)

    def _clock_is_unsure(self) -> bool:
        if not self._source.real_time or self._source.simulated:
            return False
        return self._clocks.now() < NEVER_SET_BEFORE or self._clocks.synchronised() is False

    def _pass_on(self, reading: LevelReading, flags: frozenset[Flag]) -> None:
        if self._clock is None:
            return
        for batch in self._batcher.add(reading, flags):
            self._sink.store(batch)
        self._sink.show(
            Live(
                node=self._node,
                time=self._clock.time_of(reading.start_frame),
                laeq_db=rounded(reading.laeq_db),
                lafmax_db=rounded(reading.lafmax_db),
                flags=tuple(sorted(flags)),
            )
        )

    def _take_radar(self) -> None:
        if self._clock is None:
            return
        while not self._radar_inbox.empty():
            reading = self._radar_inbox.get()
            self._detector.radar(self._clock.frame_at(reading.time), reading.speed_kmh)
            self._radar.append(reading)
            # Either way: a clock that was set back must not fill the memory.
            while abs(reading.time - self._radar[0].time) > timedelta(seconds=BUFFER_S):
                self._radar.popleft()

    def _analyse(self, detection: Detection) -> None:
        if self._clock is None:
            return
        around = round(AROUND_S * detection.sample_rate)
        first, last = detection.start_frame - around, detection.end_frame + around
        begin, end = self._clock.time_of(first), self._clock.time_of(last)
        sound = self._recent.cut(first, last)
        radar = [reading for reading in self._radar if begin <= reading.time <= end]
        describe = partial(
            self._analyst.describe,
            detection,
            self._clock.time_of(detection.start_frame),
            sound,
            radar,
            self._now_flags(stepped=self._stepped_at_frame >= detection.start_frame),
        )
        heard_from = begin if sound is None else self._clock.time_of(sound.start_frame)
        self._settle(WAITING_EVENTS - 1)
        self._analyses.append(
            self._worker.submit(lambda: self._hand_on(describe(), heard_from, sound, radar))
        )

    def _hand_on(
        self,
        event: Event,
        start: datetime,
        sound: AudioBlock | None,
        radar: Sequence[SpeedReading],
    ) -> None:
        self._sink.store(event)
        if self._onlooker is not None:
            self._onlooker(Passage(event, start, sound, radar))

    def _settle(self, remaining: int) -> None:
        """Wait until at most `remaining` analyses are under way; raise what they raised."""
        while len(self._analyses) > remaining or (self._analyses and self._analyses[0].done()):
            self._analyses.pop(0).result()
