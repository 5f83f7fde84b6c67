"""Tables of the commands: nothing is cut, however narrow the terminal is."""

from __future__ import annotations

import re

import pytest

from collector.commands.opened import print_table

COLUMNS = ("When", "Site", "Expected episodes", "95 % interval", "Because")
ROWS = [
    ["Fri 2026-11-27 20:00–22:00", "Björkängsskolan", "1.14", "0.68 to 1.85",
     "7 times within 15 min; 4 times back the other way; within 4 min also at Åskolan"],
    ["Sat 2026-11-28 22:00–00:00", "Åskolan", "0.75", "0.33 to 1.52", "6 times within 8 min"],
]  # fmt: skip


def shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> list[str]:
    """The lines of the table in a terminal of that many columns."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    print_table(COLUMNS, ROWS, "")
    return re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()


@pytest.mark.parametrize("columns", [80, 100, 120, 200])
def test_words_stay_whole_within_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    lines = shown(capsys, monkeypatch, columns)
    assert max(map(len, lines)) <= columns
    words = {word for row in (COLUMNS, *ROWS) for cell in row for word in cell.split()}
    assert words <= set("\n".join(lines).split())


def test_headings_break_before_rows_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    natural = max(map(len, shown(capsys, monkeypatch, 300)))
    lines = shown(capsys, monkeypatch, natural - 9)
    assert len([line for line in lines if line.startswith("│")]) == len(ROWS)


def test_where_words_do_not_fit_they_are_broken_and_not_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = shown(capsys, monkeypatch, 40)
    assert max(map(len, lines)) <= 40
    sites = "".join(line.split("│")[2].strip() for line in lines if line.startswith("│"))
    assert sites == "BjörkängsskolanÅskolan"
