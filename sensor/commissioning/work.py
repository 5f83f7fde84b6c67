"""The work at a node: what the phone asks for, what the node hears, and what is kept of it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, assert_never

from msgspec.structs import replace

from sensor.acoustics.calibration import (
    CALIBRATION_FILE,
    CalibrationStore,
    Calibrator,
    check_message,
    judge,
)
from sensor.acoustics.tone import CalibrationError, CalibratorTone, ToneFinder
from sensor.blocks import AudioBlock
from sensor.commissioning import requests as ask
from sensor.commissioning.drives import pass_of, radar_findings
from sensor.commissioning.ears import Ears
from sensor.commissioning.hearing import Hearing
from sensor.commissioning.listening import (
    ForCalibrator,
    ForLevels,
    ForTap,
    Heard,
    Listening,
)
from sensor.commissioning.network import clock_findings, network_findings
from sensor.commissioning.node import Node
from sensor.commissioning.problems import Problem, WorkError
from sensor.commissioning.progress import MOST_PASSES, Keeper, Progress
from sensor.commissioning.record import equipment, quoted, record_of, unexplained
from sensor.contract.commissioning import (
    MOST_DRIVES,
    CommissioningNow,
    DeliveryFindings,
    Drive,
    Findings,
    LeftOut,
    LevelFindings,
    OrderFindings,
    PlaceFindings,
    Tap,
)
from sensor.errors import SensorError
from sensor.events import Passage, geometry
from sensor.inputs import SpeedReading

log = logging.getLogger(__name__)

DELIVERY_S: Final = 120.0
_RADAR_NOW: Final = timedelta(seconds=2)
_POLL_S: Final = 0.05


class Work:
    """One commissioning at a time; safe for threads.

    Nothing of it costs anything until :meth:`begin_hearing`, and again after :meth:`end_hearing`.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        data_dir = Path(node.config.data_dir)
        self._kept = Keeper(data_dir)
        self._calibrations = data_dir / CALIBRATION_FILE
        self._lock = threading.RLock()
        self._hears = False
        self._hearing = Hearing(self._new_ears, node.config.meter.channel, self._take, self._miss)
        self._delivering: int | None = None
        self._taps: dict[int, Tap] = {}
        self._radar: SpeedReading | None = None
        self.problem: Problem | None = None
        self.why_not = ""

    def _new_ears(self) -> Ears:
        source = self._node.source
        floor_db = self._node.config.meter.microphone_floor_db
        return Ears(
            source.sample_rate,
            source.channels,
            source.full_scale_pa,
            floor_db,
            self._store().sensitivity,
        )

    # --- the door opens and closes

    def begin_hearing(self) -> None:
        """Somebody has come in."""
        with self._lock:
            self._hearing.begin()
            self._hears = True

    def end_hearing(self) -> None:
        """The door is closed; what was found so far is kept."""
        with self._lock:
            self._hears = False
            self._hearing.end()

    @property
    def at_work(self) -> bool:
        """Whether what happens now at the microphones is somebody's doing."""
        with self._lock:
            return self._hears and self._kept.is_under_way

    # --- what the node hears and sees

    def street(self, block: AudioBlock) -> AudioBlock | None:
        """Hear a block, and return what of it is the street's; see :meth:`.Hearing.street`."""
        with self._lock:
            try:
                return self._hearing.street(block)
            except SensorError as error:
                log.error("commissioning: %s", error)
                self._hearing.stop()
                self.problem = "failed"
                return block

    def _miss(self, listening: Listening) -> None:
        is_calibrator = listening.kind == "calibrator"
        self.problem = "calibrator_not_heard" if is_calibrator else "tap_not_heard"
        self.why_not = listening.why_not

    def _take(self, listening: Listening, heard: Heard) -> None:
        match heard:
            case LevelFindings():
                self._kept.find(levels=heard)
            case Tap():
                self._taps[heard.asked] = heard
                if len(self._taps) == 2:
                    taps = (self._taps[0], self._taps[1])
                    self._kept.find(order=OrderFindings(at=datetime.now(UTC), taps=taps))
            case CalibratorTone():
                if isinstance(listening, ForCalibrator):
                    self._calibrate(listening.request, heard)
            case _:
                assert_never(heard)

    def _calibrate(self, request: ask.Calibrate, tone: CalibratorTone) -> None:
        store = self._store()
        before = store.newest
        calibrator = Calibrator(request.serial, request.certificate, request.level_db)
        try:
            record = judge(tone, calibrator, before, datetime.now(UTC))
        except CalibrationError as error:
            log.warning("%s", error)
            self.problem = "calibrator_unlike"
            return
        seq = self._node.store(check_message(self._node.config.node, record))
        store.append(record)
        self._node.adjust()
        self._hearing.begin()
        self._hearing.await_quiet(record.calibrator_level_db)
        self._kept.find(calibrator=quoted(record, seq, before))

    def _store(self) -> CalibrationStore:
        return CalibrationStore(self._calibrations)

    def see(self, reading: SpeedReading) -> None:
        """Note what the radar sees."""
        self._radar = reading

    def passed(self, passage: Passage) -> None:
        """Look at a vehicle that went past, while somebody is at work."""
        mounting = self._node.config.mounting
        if mounting is None or not self.at_work:
            return
        # Seconds of computing: without the lock.
        found = pass_of(passage, geometry(mounting))
        with self._lock:
            if self._kept.is_under_way:
                progress = self._kept.unsigned()
                passes = (found, *progress.passes)[:MOST_PASSES]
                self._kept.keep(replace(progress, passes=passes))

    # --- what the phone asks for

    def act(self, request: ask.Request) -> None:
        """Do it, or begin to.

        Raises
        ------
        WorkError
            It cannot be done now.
        SensorError
            What was found cannot be kept.
        """
        if isinstance(request, ask.CheckNetwork | ask.CheckClock):
            self._look(request)
            return
        with self._lock:
            self.problem, self.why_not = None, ""
            if not isinstance(request, ask.Begin | ask.Leave):
                self._kept.unsigned()
            self._handlers[type(request)](request)

    @property
    def _handlers(self) -> dict[type[ask.Request], Callable[[Any], None]]:
        return {
            ask.Begin: self._begin,
            ask.Levels: self._listen_for,
            ask.ListenForTap: self._listen_for,
            ask.Calibrate: self._listen_for,
            ask.Stop: self._stop,
            ask.AddDrive: self._add_drive,
            ask.RemoveDrive: self._remove_drive,
            ask.Deliver: self._deliver,
            ask.Place: self._place,
            ask.LeaveOut: self._leave_out,
            ask.Sign: self._sign,
            ask.Leave: self._stop,
        }

    def _look(self, request: ask.CheckNetwork | ask.CheckClock) -> None:
        """Look at the system, which may take seconds: without the lock, which the sound needs."""
        found: dict[str, Any]
        if isinstance(request, ask.CheckNetwork):
            found = {"network": network_findings(self._node.connected())}
        else:
            found = {"clock": clock_findings(request.phone_s)}
        with self._lock:
            self.problem, self.why_not = None, ""
            self._kept.find(**found)

    def _begin(self, request: ask.Begin) -> None:
        if self._hearing.listening is not None or self._delivering is not None:
            raise WorkError("busy")
        self._taps.clear()
        self._kept.keep(
            Progress(
                begun_at=datetime.now(UTC),
                technician=request.technician,
                organisation=request.organisation,
                findings=Findings(equipment=equipment(self._node.config, self._node.source)),
            )
        )

    def _stop(self, _: ask.Stop | ask.Leave) -> None:
        self._hearing.stop()

    def _listen_for(self, request: ask.Levels | ask.ListenForTap | ask.Calibrate) -> None:
        if self._hearing.listening is not None or self._hearing.ears is None:
            raise WorkError("busy")
        rate = self._node.source.sample_rate
        match request:
            case ask.Levels():
                self._hearing.listen(ForLevels(self._hearing.ears))
            case ask.ListenForTap():
                if self._node.source.channels < 2:
                    raise WorkError("no_second_microphone")
                self._hearing.listen(ForTap(rate, request.microphone))
            case ask.Calibrate():
                finder = ToneFinder(
                    rate,
                    full_scale_pa=self._node.source.full_scale_pa,
                    channel=self._node.config.meter.channel,
                    sensitivity=self._store().sensitivity,
                )
                self._hearing.listen(ForCalibrator(request, finder))

    def _add_drive(self, request: ask.AddDrive) -> None:
        progress = self._kept.unsigned()
        passed = next((one for one in progress.passes if one.event == request.event), None)
        if passed is None:
            raise WorkError("pass_unknown")
        drive = Drive(
            passed=passed,
            known_kmh=request.known_kmh,
            known_by=request.known_by,
            direction=request.direction,
        )
        drives = (*self._drives_but(request.event), drive)
        if len(drives) > MOST_DRIVES:
            raise WorkError("drives_full")
        self._kept.find(drives=drives, radar=radar_findings(drives))

    def _remove_drive(self, request: ask.RemoveDrive) -> None:
        drives = self._drives_but(request.event)
        self._kept.find(drives=drives, radar=radar_findings(drives))

    def _drives_but(self, event: str) -> tuple[Drive, ...]:
        drives = self._kept.unsigned().findings.drives
        return tuple(drive for drive in drives if drive.passed.event != event)

    def _place(self, request: ask.Place) -> None:
        told = {name: getattr(request, name) for name in request.__struct_fields__}
        self._kept.find(place=PlaceFindings(at=datetime.now(UTC), **told))

    def _leave_out(self, request: ask.LeaveOut) -> None:
        left_out = self._kept.unsigned().findings.left_out
        others = tuple(one for one in left_out if one.step != request.step)
        reason = request.reason.strip()
        added = (LeftOut(step=request.step, reason=reason),) if reason else ()
        self._kept.find(left_out=(*others, *added))

    def _sign(self, request: ask.Sign) -> None:
        progress = self._kept.unsigned()
        if self._hearing.listening is not None or self._delivering is not None:
            raise WorkError("busy")
        if unexplained(progress.findings):
            raise WorkError("unexplained")
        simulated = self._node.source.simulated
        seq = self._node.store(
            record_of(self._node.config.node, progress, request.remarks, simulated=simulated)
        )
        self._kept.keep(replace(progress, signed_seq=seq))

    def _deliver(self, _: ask.Deliver) -> None:
        if self._delivering is not None:
            raise WorkError("busy")
        began = time.monotonic()
        seq = self._node.store(self._node.health())
        self._delivering = seq
        threading.Thread(
            target=self._await_delivery, args=(seq, began), name="delivery", daemon=True
        ).start()

    def _await_delivery(self, seq: int, began: float) -> None:
        arrived: float | None = None
        while time.monotonic() - began < DELIVERY_S and self._hears:
            if self._node.acked_seq() >= seq:
                arrived = round(time.monotonic() - began, 2)
                break
            time.sleep(_POLL_S)
        with self._lock:
            self._delivering = None
            if not self._kept.is_under_way:
                return
            waiting = self._node.waiting()
            found = DeliveryFindings(
                at=datetime.now(UTC), seq=seq, seconds=arrived, waiting=waiting
            )
            try:
                self._kept.find(delivery=found)
            except SensorError as error:
                log.error("commissioning: %s", error)
                self.problem = "failed"

    # --- what is kept and shown

    def now(self) -> CommissioningNow | None:
        """What there is to see; None: nothing was begun."""
        with self._lock:
            progress = self._kept.progress
            if progress is None:
                return None
            waited = self._hearing.listening
            listening = None if waited is None else waited.kind
            return CommissioningNow(
                begun_at=progress.begun_at,
                technician=progress.technician,
                findings=progress.findings,
                channels=self._hearing.now(),
                listening=listening or ("delivery" if self._delivering is not None else None),
                radar_kmh=self._radar_kmh(),
                passes=progress.passes,
                signed_seq=progress.signed_seq,
            )

    def live(self) -> CommissioningNow | None:
        """What goes along with live readings: only while somebody is there."""
        return self.now() if self._hears else None

    @property
    def taps(self) -> tuple[Tap, ...]:
        """The last tap at each microphone that was asked for."""
        with self._lock:
            progress = self._kept.progress
            kept = None if progress is None else progress.findings.order
            if not self._taps and kept is not None:
                return kept.taps
            return tuple(self._taps[key] for key in sorted(self._taps))

    @property
    def simulated(self) -> bool:
        """Whether what is heard never sounded."""
        return self._node.source.simulated

    @property
    def organisation(self) -> str:
        """Of whoever works."""
        progress = self._kept.progress
        return "" if progress is None else progress.organisation

    @property
    def acked_seq(self) -> int:
        """Up to which number the ledger has all messages."""
        return self._node.acked_seq()

    def _radar_kmh(self) -> float | None:
        reading = self._radar
        if reading is None or datetime.now(UTC) - reading.time > _RADAR_NOW:
            return None
        return round(reading.speed_kmh, 1)
