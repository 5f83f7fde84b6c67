"""One message of each kind, with a fixed key: the golden corpus.

``python tests/sensor/contract/samples.py`` writes ``tests/golden/contract`` anew: do so only
with a new version of the wire.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sensor.contract import codec
from sensor.contract.commissioning import (
    CalibratorFindings,
    ChannelLevels,
    ConfiguredMounting,
    DeliveryFindings,
    Drive,
    Equipment,
    Findings,
    LeftOut,
    LevelFindings,
    Measured,
    NetworkFindings,
    OrderFindings,
    Pass,
    PlaceFindings,
    Position,
    RadarFindings,
    Tap,
)
from sensor.contract.messages import (
    GENESIS,
    Absence,
    Absent,
    Boot,
    CalibrationCheck,
    Commissioning,
    Event,
    Health,
    KeyChange,
    LevelBatch,
    Message,
    Source,
    Speed,
    event_id,
)
from sensor.contract.signature import payload_hash, public_key_text, sign

GOLDEN = Path(__file__).parents[2] / "golden" / "contract"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NODE = "ekskolan-1"
TIME = datetime(2026, 11, 22, 14, 30, 5, 250000, tzinfo=UTC)


def samples() -> dict[str, Message]:
    """Return one message of each kind, chained in this order."""
    start = TIME - timedelta(seconds=12)
    levels = LevelBatch(
        node=NODE, seq=1, prev=GENESIS, time=TIME, start=start, interval_s=1,
        laeq_db=(52.1, None, 61.0), lafmax_db=(53.4, None, 64.2), lceq_db=(60.0, None, 70.3),
        laf10_db=63.5, laf50_db=55.0, laf90_db=49.8, lcpeak_db=81.2,
        bands_db={"31.5": 55.5, "1000": 48.1, "20000": None}, flags=("gap", "simulated"),
    )  # fmt: skip
    event = Event(
        node=NODE, seq=2, prev=_hash(levels), time=TIME, id=event_id(NODE, start), start=start,
        duration_s=6.5, trigger="emergence", lafmax_db=82.4, lafmax_7m5_db=81.0, lae_db=88.0,
        laeq_db=79.9, lcpeak_db=101.3, background_laf90_db=47.2, emergence_db=35.2,
        bands_db={"125": 70.5, "1000": 75.0},
        source=Source(kind="moped_motorcycle", probability=0.81, scores={"voices": 0.03}),
        speed=Speed(speed_kmh=47.0, low_kmh=43.1, high_kmh=51.2, direction=-1, method="fused"),
        speed_refused=None, trace_lafmax_db=(60.1, 82.4, None), flags=(),
    )  # fmt: skip
    health = Health(
        node=NODE, seq=3, prev=_hash(event), time=TIME, version="0.1.0", uptime_s=3600.5,
        input="simulated street", microphone="ok", outbox_depth=2, disk_free_bytes=12_000_000_000,
        memory_rss_bytes=98_000_000, cpu_load=0.41, cpu_temperature_c=48.2, clock_offset_s=-0.0002,
        clock_synchronised=True, overflows=0, events_dropped=0, calibrated_at=TIME, flags=(),
    )  # fmt: skip
    calibration = CalibrationCheck(
        node=NODE, seq=4, prev=_hash(health), time=TIME, calibrator_level_db=94.0,
        calibrator_serial="31415", calibrator_certificate="K-2026-0042", measured_db=94.3,
        deviation_db=0.3, standard_deviation_db=0.02, frequency_hz=1000.1, sensitivity=0.966,
        result="ok", flags=(),
    )  # fmt: skip
    told = Absent(first=1, last=2, sha256=(_hash(levels), _hash(event)))
    absence = Absence(
        node=NODE, seq=5, prev=_hash(calibration), time=TIME, reason="thinned", absent=(told,),
        instead=(4,), flags=("simulated",), boot=Boot(id="0123abcd", s=86_400.125),
    )  # fmt: skip
    following = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
    key = KeyChange(
        node=NODE, seq=6, prev=_hash(absence), time=TIME,
        public_key=public_key_text(following.public_key()),
    )  # fmt: skip
    commissioning = Commissioning(
        node=NODE, seq=7, prev=_hash(key), time=TIME, begun_at=TIME - timedelta(hours=1),
        technician="Anna Ek", organisation="Kungsbacka kommun", findings=findings(),
        open_points=("calibrator_unrepeated", "clock_not_done", "drives_few", "drives_one_way"),
        remarks="Provkörning i regn.", flags=("simulated",),
    )  # fmt: skip
    return {
        "levels": levels, "event": event, "health": health, "calibration": calibration,
        "absence": absence, "key": key, "commissioning": commissioning,
    }  # fmt: skip


def findings() -> Findings:
    """What was found at a commissioning in which the clock was left out."""
    passed = Pass(
        at=TIME, event=event_id(NODE, TIME), lafmax_db=71.4, radar_seen_kmh=39.2,
        combined=Measured(
            method="fused", speed_kmh=40.6, low_kmh=38.0, high_kmh=43.4, direction=1
        ),
        by=(
            Measured(method="stereo", speed_kmh=40.9, low_kmh=37.1, high_kmh=45.1, direction=1),
            Measured(method="doppler", refused="no_harmonics"),
        ),
    )  # fmt: skip
    channel = ChannelLevels(
        laeq_db=52.1, lafmax_db=60.3, lafmin_db=47.0, overload=False, state="ok"
    )
    return Findings(
        equipment=Equipment(
            input="simulated street", channels=2, measured_channel=0, radar="simulated_radar",
            mounting=ConfiguredMounting(
                distance_m=7.0, distance_back_m=10.0, spacing_m=0.3, mic_height_m=2.5
            ),
        ),
        levels=LevelFindings(
            at=TIME, seconds=10.0, channels=(channel, channel), difference_db=0.0
        ),
        order=OrderFindings(
            at=TIME,
            taps=(
                Tap(asked=0, nearest=0, level_difference_db=-9.1, delay_ms=0.81),
                Tap(asked=1, nearest=1, level_difference_db=8.7, delay_ms=-0.83),
            ),
        ),
        calibrator=CalibratorFindings(
            at=TIME, seq=4, calibrator_level_db=94.0, calibrator_serial="31415",
            measured_db=94.3, deviation_db=0.3, standard_deviation_db=0.02, result="ok",
            repeated=False,
        ),
        drives=(Drive(passed=passed, known_kmh=40.0, known_by="gps", direction=1),),
        radar=RadarFindings(
            at=TIME, drives=1, cosine=0.98, low=0.955, high=1.005, angle_deg=11.5
        ),
        network=NetworkFindings(
            at=TIME, interface="wlan0", link="wifi", signal_dbm=-58.0, quality_percent=74.0,
            broker_reached=True,
        ),
        delivery=DeliveryFindings(at=TIME, seq=3, seconds=0.42, waiting=0),
        place=PlaceFindings(
            at=TIME,
            position=Position(
                latitude=57.48712, longitude=12.07613, accuracy_m=6.0, source="phone"
            ),
            mic_height_m=2.5, distance_m=(7.0, 7.1), distance_back_m=(10.0, 10.1), spacing_m=0.3,
            facade_m=None, bearing_deg=None, towards="centrum",
        ),
        left_out=(LeftOut(step="clock", reason="Ingen tidsserver på platsen"),),
    )  # fmt: skip


def _hash(message: Message) -> str:
    return payload_hash(codec.encode(message))


def write() -> None:
    """Write the corpus."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for kind, message in samples().items():
        payload = codec.encode(message)
        (GOLDEN / f"{kind}.json").write_bytes(payload)
        (GOLDEN / f"{kind}.sig").write_text(sign(payload, KEY), encoding="ascii")


if __name__ == "__main__":
    write()
