"""Configuration: a TOML file read into a struct, with mistakes explained.

It lives in the contract because it is the one thing besides the messages that a node and the
collector share.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from sensor.contract.errors import ConfigError

_T = TypeVar("_T")
_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?:key in )?\$(?P<path>[^`]*)`)?$", re.DOTALL)
_NAMED = re.compile(r"(?:unknown|required) field `(?P<name>[^`]*)`")


def load(path: Path, kind: type[_T]) -> _T:
    """Return the configuration in the TOML file at `path` as a `kind`.

    Raises
    ------
    ConfigError
        There is no such file, it is not TOML, or a key is unknown, missing or of the wrong
        type; the text names the file, the line, the key with its path, and what would do.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text: save it as UTF-8") from error
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}") from error
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not TOML: {_printable(str(error))}") from error
    _require_no_nul(path, values)
    try:
        return msgspec.convert(values, kind, strict=True)
    except msgspec.ValidationError as error:
        raise ConfigError(_printable(_explained(path, text, kind, str(error)))) from error


def _require_no_nul(path: Path, values: dict[str, Any]) -> None:
    """Refuse what TOML can spell and no name of a file or host can hold."""
    waiting: list[Any] = [values]
    while waiting:
        match waiting.pop():
            case str(text) if "\0" in text:
                raise ConfigError(f"{path}: {text[:60]!r} holds a NUL character: leave it out")
            case dict(table):
                waiting += [*table.keys(), *table.values()]
            case list(items):
                waiting += items


def _printable(text: str) -> str:
    # What somebody wrote may hold line ends; an error is one line.
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _explained(path: Path, text: str, kind: type, error: str) -> str:
    match = _AT.match(error)
    what, at = (match["what"], match["path"] or "") if match else (error, "")
    keys = [part for part in re.split(r"\.|(\[\d+\]|\[\.\.\.\])", at) if part]
    named = _NAMED.search(what)
    missing = "missing required" in what
    if named:
        keys.append(named["name"])
    where = "".join(part if part.startswith("[") else f".{part}" for part in keys).lstrip(".")
    line = _line_of(text, keys[:-1] if missing else keys)
    place = f"{path}, line {line}" if line else str(path)
    if named and missing:
        return f"{place}: the key {where} is missing: add it"
    if named:
        return f"{place}: {where} is not a known key{_suggestion(kind, keys)}"
    return f"{place}: {where or 'the file'}: {what[0].lower()}{what[1:]}"


def _suggestion(kind: type, keys: list[str]) -> str:
    known = _fields(kind, keys[:-1])
    near = difflib.get_close_matches(keys[-1], known, n=1)
    if near:
        return f": did you mean {near[0]}?"
    return f": known here are {', '.join(sorted(known))}" if known else ""


def _fields(kind: type, keys: list[str]) -> list[str]:
    """Names that a table at `keys` may have, over all members of a union."""
    levels: list[Any] = [msgspec.inspect.type_info(kind)]
    for key in keys:
        levels = [inner for info in levels for inner in _inside(info, key)]
    return sorted({f.encode_name for info in levels for f in getattr(_bare(info), "fields", ())})


def _inside(info: Any, key: str) -> list[Any]:
    info = _bare(info)
    if isinstance(info, msgspec.inspect.UnionType):
        return [inner for member in info.types for inner in _inside(member, key)]
    if key.startswith("["):
        return _members(getattr(info, "item_type", None))
    return [
        inner
        for field in getattr(info, "fields", ())
        if field.encode_name == key
        for inner in _members(field.type)
    ]


def _members(info: Any) -> list[Any]:
    info = _bare(info)
    if isinstance(info, msgspec.inspect.UnionType):
        return [_bare(member) for member in info.types]
    return [] if info is None else [info]


def _bare(info: Any) -> Any:
    while isinstance(info, msgspec.inspect.Metadata):
        info = info.type
    return info


def _line_of(text: str, keys: list[str]) -> int | None:
    """Line of the deepest of `keys` that the text shows, or None."""
    names = [key for key in keys if not key.startswith("[")]
    numbers = [int(key[1:-1]) for key in keys if re.fullmatch(r"\[\d+\]", key)]
    table: list[str] = []
    seen: dict[str, int] = {}
    best: int | None = None
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if header := re.match(r"\[(\[)?\s*([^\]]+?)\s*\]", line):
            table = [part.strip("\"' ") for part in header[2].split(".")]
            seen[header[2]] = seen.get(header[2], -1) + 1
            in_item = not header[1] or not numbers or seen[header[2]] == numbers[0]
            if in_item and table == names[: len(table)]:
                best = number
            elif not in_item:
                table = ["\0"]
        elif (key := re.match(r"[\"']?([\w-]+)[\"']?\s*=", line)) and [*table, key[1]] == names[
            : len(table) + 1
        ]:
            return number
    return best
