"""Where the ledger's content is shown elsewhere; one module an output, one line in `OUTPUTS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from collector.config import CollectorConfig
from collector.outputs.output import (
    FigureSource,
    Output,
    OutputUnavailableError,
    RejectedLine,
    Stretch,
    Unit,
    WriteResult,
)
from collector.outputs.rejects import OutputRejects

__all__ = ["OUTPUTS", "FigureSource", "Output", "OutputRejects", "OutputUnavailableError",
           "RejectedLine", "Stretch", "Unit", "WriteResult", "open_outputs"]  # fmt: skip


def _influxdb(config: CollectorConfig) -> Output | None:
    if config.influxdb is None:
        return None
    # The client takes long to import, and many collectors have no InfluxDB.
    from collector.outputs.influx import InfluxOutput  # noqa: PLC0415

    return InfluxOutput(config.influxdb)


def _ngsi_ld(config: CollectorConfig) -> Output | None:
    if config.ngsi_ld.url is None:
        return None
    from collector.outputs.ngsi_ld import NgsiLdOutput  # noqa: PLC0415 - needs what few have

    return NgsiLdOutput(config.ngsi_ld)


OUTPUTS: Final[Mapping[str, Callable[[CollectorConfig], Output | None]]] = {
    "influxdb": _influxdb,
    "ngsi_ld": _ngsi_ld,
}
"""How each output is opened; None where the configuration has none."""


def open_outputs(config: CollectorConfig) -> list[Output]:
    """Return the outputs that `config` asks for."""
    return [output for build in OUTPUTS.values() if (output := build(config)) is not None]
