"""The node's configuration, ``node.toml``."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from sensor.contract.errors import ConfigError
from sensor.contract.messages import NodeId, require_node_id
from sensor.contract.tls import Tls, tls_from
from sensor.contract.toml_file import load
from sensor.inputs import InputConfig, RadarConfig, RecordingConfig
from sensor.light import LightConfig
from sensor.outbox import Retention
from sensor.passby.detector import DetectorConfig

_DATA_DIR: Final = "/var/lib/skolro"


class Broker(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the MQTT broker is; without `tls` nothing is encrypted and nobody is known."""

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535)] = 1883
    tls: Tls | None = None


class Meter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the sound level meter is told.

    `channel` is measured; `microphone_floor_db` is the A-weighted self-noise of the microphone,
    below which no level is believed; `response_file` is the microphone's own, whose response is
    undone; after `calibration_days` without a check what is measured is flagged.
    """

    channel: Annotated[int, Meta(ge=0, le=63)] = 0
    microphone_floor_db: Annotated[float, Meta(ge=-20, le=80)] | None = None
    response_file: str | None = None
    calibration_days: Annotated[int, Meta(ge=1, le=3650)] = 365


class Mounting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the microphones hang relative to the road; without it there is no speed.

    `distance_m` is horizontal, to the middle of the lane of direction 1 (from channel 0 to
    channel 1); `distance_back_m` to the lane of the other direction.
    """

    distance_m: Annotated[float, Meta(gt=0, le=100)]
    distance_back_m: Annotated[float, Meta(gt=0, le=100)] | None = None
    distance_uncertainty_m: Annotated[float, Meta(gt=0, le=10)] = 0.4
    spacing_m: Annotated[float, Meta(gt=0.02, le=5)] | None = None
    mic_height_m: Annotated[float, Meta(gt=0, le=20)] = 3.0
    temperature_c: Annotated[float, Meta(ge=-40, le=50)] = 8.0


class CommissioningPage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the page for commissioning listens while it is open; see docs/commissioning.md."""

    listen: str = "0.0.0.0"  # noqa: S104 - for a phone in the same network, behind a code
    port: Annotated[int, Meta(ge=1, le=65535)] = 8090


class Levels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How levels are sent: one value every `interval_s`, in batches of `batch_s`."""

    interval_s: Annotated[int, Meta(ge=1, le=60)] = 1
    batch_s: Annotated[int, Meta(ge=1, le=3600)] = 60


class NodeConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything a node needs to know."""

    node: NodeId
    input: InputConfig
    radar: RadarConfig | None = None
    data_dir: str = _DATA_DIR
    broker: Broker = Broker()
    outbox: Retention = Retention()
    meter: Meter = Meter()
    detector: DetectorConfig = DetectorConfig()
    mounting: Mounting | None = None
    levels: Levels = Levels()
    light: LightConfig | None = None
    commissioning: CommissioningPage = CommissioningPage()
    model_dir: str | None = None
    health_s: Annotated[float, Meta(ge=1, le=86_400)] = 300.0

    def __post_init__(self) -> None:
        require_node_id(self.node)


def load_node_config(path: Path, folder: Path | None = None) -> NodeConfig:
    """Read ``node.toml``; relative paths in it are relative to the file, or to `folder`.

    Raises
    ------
    ConfigError
        With the file, the line, the key and what would do.
    """
    config = load(path, NodeConfig)
    folder = path.parent if folder is None else folder
    source = config.input
    if isinstance(source, RecordingConfig):
        source = replace(source, path=str(folder / source.path))
    meter = config.meter
    if meter.response_file is not None:
        meter = replace(meter, response_file=str(folder / meter.response_file))
    model_dir = None if config.model_dir is None else str(folder / config.model_dir)
    return replace(
        config,
        data_dir=str(folder / config.data_dir),
        input=source,
        broker=replace(config.broker, tls=tls_from(folder, config.broker.tls)),
        model_dir=model_dir,
    )


def require_same_node(new: Path, old: Path) -> None:
    """Return if the configuration `new` leaves alone who the node is, where it keeps what, and how
    it is let in: none of it can be changed from afar.

    Raises
    ------
    ConfigError
        It does not, or one of the two is no TOML.
    """
    for name, here, there in zip(_IDENTITY, _identity(new), _identity(old), strict=True):
        if here != there:
            raise ConfigError(
                f"{name} is {here!r} in the new configuration and {there!r} on the node, and is "
                "not changed from afar: write what the node has, or make it a new card"
            )


_IDENTITY: Final = ("node", "data_dir", "broker.tls")


def _identity(path: Path) -> tuple[Any, Any, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    broker = values.get("broker")
    tls = broker.get("tls") if isinstance(broker, dict) else None
    return values.get("node"), values.get("data_dir", _DATA_DIR), tls
