"""Every command that a page names exists, with the options and arguments that it is given."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.exceptions import TyperException

from docs.site.build import ROOT
from skolro import COMMANDS, Entry, Group, LazyCommand

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMED = re.compile(r"`(skolro [^`]*)`")
TYPED = re.compile(r"^[ \t$]*(?:sudo -u \w+ )?(?:\S+/)?(skolro [^#\n]*)", re.MULTILINE)
CODE = re.compile(r"^```[^\n]*\n(.*?)^```|((?:^    [^\n]*\n)+)", re.MULTILINE | re.DOTALL)


def spoken(page: Path) -> list[tuple[str, bool]]:
    """The commands of a page, and whether they are to be typed as they stand."""
    text = page.read_text(encoding="utf-8")
    blocks = "\n".join(first or second for first, second in CODE.findall(text))
    return [(line, False) for line in NAMED.findall(text)] + [
        (line, True) for line in TYPED.findall(blocks.replace("\\\n", " "))
    ]


def fault(line: str, *, whole: bool) -> str | None:
    """What is wrong with a command, or ``None``.

    One that is only named may lack what it needs, and may be a group of commands.
    """
    words = shlex.split(line)[1:]
    item: Entry | Group = Group("", COMMANDS)
    name = ""
    while isinstance(item, Group):
        if not words:
            return "is a group" if whole else None
        name = words.pop(0)
        if name not in item.entries:
            return f"has no {name}"
        item = item.entries[name]
    command = LazyCommand(name, item).load()
    context = command.context_class(command)
    try:
        given, rest, _ = command.make_parser(context).parse_args(words)
    except TyperException as error:
        return str(error)
    missing = [one.name for one in command.params if one.required and given.get(one.name) is None]
    if rest:
        return f"takes no {rest}"
    return f"lacks {missing}" if whole and missing else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_commands_of_a_page_exist(page: Path) -> None:
    found = {line: fault(line, whole=whole) for line, whole in spoken(page)}
    assert {line: wrong for line, wrong in found.items() if wrong} == {}


def test_wrong_commands_would_be_found() -> None:
    assert sum(len(spoken(page)) for page in PAGES) > 120
    assert fault("skolro nod list", whole=False) == "has no nod"
    assert "--sites" in str(fault("skolro node add n --sites s", whole=False))
    assert "lacks" in str(fault("skolro node add n", whole=True))
    assert "takes no" in str(fault("skolro node add n m", whole=False))
    assert fault("skolro node", whole=True) == "is a group"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_make_targets_and_programs_of_a_page_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:`|^    )make ([a-z-]+)", text, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for module in re.findall(r"python -m ((?:benchmarks|sensor|tests|docs)\.[a-z_.]+)", text):
        assert find_spec(module.rstrip(".")), module
