"""Line protocol: types never change, whatever the values."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.outputs.line_protocol import Measurement, nanoseconds

_ANY = Measurement(
    "any", ("site", "node"), {"f": "float", "i": "integer", "b": "boolean", "s": "string"}
)


def test_a_line_is_the_series_the_fields_and_the_time() -> None:
    line = _ANY.line(_ANY.series("ekskolan", "n-1"), {"f": 53.4, "i": 2, "b": True, "s": "x"}, 7)
    assert line == 'any,site=ekskolan,node=n-1 f=53.4,i=2i,b=true,s="x" 7'


def test_a_whole_number_in_a_float_field_is_no_integer() -> None:
    assert _ANY.line("any", {"f": 53}, 0) == "any f=53.0 0"


def test_what_is_missing_is_left_out() -> None:
    assert _ANY.line("any", {"f": None, "i": 1}, 0) == "any i=1i 0"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_left_out(value: float) -> None:
    assert _ANY.line("any", {"f": value}, 0) is None


def test_a_point_without_any_value_is_none() -> None:
    assert _ANY.line("any", {"f": None, "s": None}, 0) is None


def test_an_undeclared_field_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        _ANY.line("any", {"g": 1.0}, 0)


def test_an_empty_tag_is_left_out() -> None:
    assert _ANY.series("", "n") == "any,node=n"


def test_times_are_exact_to_the_nanosecond() -> None:
    assert nanoseconds(datetime(2026, 11, 22, 12, 0, 0, 123456, UTC)) == 1795348800123456000


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=50))
def test_no_text_breaks_out_of_its_line(text: str) -> None:
    line = _ANY.line(_ANY.series(text, "n"), {"s": text}, 0)
    assert line is not None
    assert not set(line) & {"\n", "\r", "\0"}
    series, _, rest = line.partition(' s="')
    assert rest.endswith('" 0')
    assert "," not in series.replace(r"\,", "").removeprefix("any,").replace(",node=n", "")


@settings(deadline=None, max_examples=200)
@given(st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False)))
def test_a_float_field_is_always_read_back_as_the_same_float(value: float) -> None:
    line = _ANY.line("any", {"f": value}, 0)
    assert line is not None
    text = line.split()[1].removeprefix("f=")
    assert not text.endswith("i")
    assert float(text) == float(value)
