"""JSON Schema of the wire, generated from the structs.

``python -m sensor.contract.schema FILE`` writes it; with ``--check`` it compares instead.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from sensor.contract.fleet import Wish
from sensor.contract.messages import (
    Absence,
    Ack,
    CalibrationCheck,
    Commissioning,
    Enrolment,
    Event,
    Health,
    KeyChange,
    LevelBatch,
    Live,
)


def schema() -> dict[str, Any]:
    """Return the schema of every payload, by the last part of its topic."""
    kinds = {
        "levels": LevelBatch,
        "event": Event,
        "health": Health,
        "calibration": CalibrationCheck,
        "absence": Absence,
        "key": KeyChange,
        "commissioning": Commissioning,
        "live": Live,
        "enrol": Enrolment,
        "ack": Ack,
        "config": Wish,
    }
    references, definitions = msgspec.json.schema_components(
        kinds.values(), ref_template="#/$defs/{name}"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Skolro, payloads by the last part of their topic",
        "properties": dict(zip(kinds, references, strict=True)),
        "$defs": definitions,
    }


def main(arguments: list[str]) -> int:
    """Write the schema, or check that a file holds it; return the exit status."""
    check = "--check" in arguments
    paths = [Path(argument) for argument in arguments if argument != "--check"]
    if len(paths) != 1:
        sys.stderr.write("usage: python -m sensor.contract.schema [--check] FILE\n")
        return 2
    text = msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode() + "\n"
    if not check:
        paths[0].write_text(text, encoding="utf-8")
    elif not paths[0].exists() or paths[0].read_text(encoding="utf-8") != text:
        sys.stderr.write(
            f"{paths[0]} is out of date: run python -m sensor.contract.schema {paths[0]}\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
