"""InfluxDB's line protocol, with a fixed type for each field.

InfluxDB takes a field's type from the first value it sees and refuses any other type for ever
after. So each measurement declares its fields, and a value is written as declared whatever its
Python type: 53 in a float field is ``53.0``, never an integer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeAlias

FieldType: TypeAlias = Literal["float", "integer", "boolean", "string"]
FieldValue: TypeAlias = float | int | bool | str | None

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_TAG_ESCAPES: Final = str.maketrans(
    {",": r"\,", "=": r"\=", "\\": "/", **dict.fromkeys(" \n\r\t\0", r"\ ")}
)
_STRING_ESCAPES: Final = str.maketrans({'"': r"\"", "\\": r"\\", **dict.fromkeys("\n\r\t\0", " ")})


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measurement with its tags and the types of its fields.

    Attributes
    ----------
    name : str
        As in queries.
    tags : tuple of str
        Names of the tags, in the order in which :meth:`series` takes their values.
    fields : Mapping
        Type of each field.
    """

    name: str
    tags: tuple[str, ...]
    fields: Mapping[str, FieldType] = field(repr=False)

    def series(self, *values: str) -> str:
        """Return the head of a line: the name and all tags; an empty value is no value."""
        pairs = zip(self.tags, values, strict=True)
        tags = (f",{tag}={value.translate(_TAG_ESCAPES)}" for tag, value in pairs if value)
        return self.name + "".join(tags)

    def line(self, series: str, values: Mapping[str, FieldValue], time_ns: int) -> str | None:
        """Return the line of one point, or None where every value is missing.

        Parameters
        ----------
        series : str
            From :meth:`series`.
        values : Mapping
            By field; None and what is not finite is left out.
        time_ns : int
            Nanoseconds since 1970.

        Raises
        ------
        KeyError
            A field that is not declared.
        """
        written = [
            f"{name}={text}"
            for name, value in values.items()
            if (text := _written(self.fields[name], value)) is not None
        ]
        return f"{series} {','.join(written)} {time_ns}" if written else None


def nanoseconds(time: datetime) -> int:
    """Nanoseconds from 1970 to `time`, exactly."""
    return (time - _EPOCH) // _MICROSECOND * 1000


def _written(kind: FieldType, value: FieldValue) -> str | None:
    if value is None:
        return None
    match kind:
        case "float":
            number = float(value)
            return repr(number) if math.isfinite(number) else None
        case "integer":
            return f"{int(value)}i"
        case "boolean":
            return "true" if value else "false"
        case "string":
            return f'"{str(value).translate(_STRING_ESCAPES)}"'
