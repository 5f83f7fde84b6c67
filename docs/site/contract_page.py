"""The page about the wire, from its JSON Schema and the structs' docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from docs.site.docstrings import as_markdown
from sensor.contract import commissioning, fleet, messages
from sensor.contract.schema import schema

_START: Final = """# The contract

What nodes and collector send each other, by the last part of its topic;
[architecture](architecture.md#the-wire) says how it travels and how it is signed. This page is made
from the [JSON Schema](contract.schema.json), and that from `messages.py`, `commissioning.py` and
`fleet.py` in `sensor/contract/`.
"""


def contract_page() -> str:
    """Return the page, in Markdown."""
    whole = schema()
    kinds = {_name(one): kind for kind, one in whole["properties"].items()}
    parts = [_START]
    for name, definition in whole["$defs"].items():
        title = f"`{kinds[name]}`" if name in kinds else name
        parts += [f"## {title} {{ #{name.lower()} }}\n", *_about(name), ""]
        parts += [*_table(definition, _attributes(name)), ""]
    return "\n".join(parts)


def _about(name: str) -> Iterator[str]:
    """What a struct is for: its docstring up to the list of its attributes."""
    yield _docstring(_struct(name)).partition("\nAttributes\n")[0]


def _attributes(name: str) -> Mapping[str, str]:
    """What docstrings say of a struct's fields, its base's too."""
    found: dict[str, str] = {}
    for one in reversed(_struct(name).__mro__):
        listed = _docstring(one).partition("\nAttributes\n----------\n")[2]
        for names, said in re.findall(r"^(\S[^:]*) : .*\n((?:    .*\n?)+)", listed, re.MULTILINE):
            found |= dict.fromkeys(names.split(", "), " ".join(said.split()))
    return found


def _struct(name: str) -> type:
    (found, *_) = (
        getattr(one, name) for one in (messages, commissioning, fleet) if hasattr(one, name)
    )
    if not isinstance(found, type):
        raise TypeError(f"{name} in the schema is no struct")
    return found


def _docstring(struct: type) -> str:
    return as_markdown(inspect.cleandoc(struct.__doc__ or ""))


def _table(definition: Mapping[str, Any], said: Mapping[str, str]) -> Iterator[str]:
    required = definition.get("required", ())
    yield "| field | is | means |"
    yield "|---|---|---|"
    for name, kind in definition["properties"].items():
        left_out = "" if name in required else "; may be left out"
        means = said.get(name) or kind.get("description", "")
        yield f"| `{name}` | {_words(kind)}{left_out} | {means} |"


def _name(reference: Mapping[str, str]) -> str:
    return reference["$ref"].rpartition("/")[2]


def _words(kind: Mapping[str, Any]) -> str:
    """What a value of this schema is, in words."""
    if "$ref" in kind:
        return f"[{_name(kind)}](#{_name(kind).lower()})"
    if "anyOf" in kind:
        return " or ".join(_words(one) for one in kind["anyOf"])
    if "enum" in kind:
        return " or ".join(f"`{value}`" for value in kind["enum"])
    return _WORDS.get(kind.get("type", ""), _number)(kind)


def _list(kind: Mapping[str, Any]) -> str:
    if "prefixItems" in kind:
        return "[" + ", ".join(_words(one) for one in kind["prefixItems"]) + "]"
    most = f"at most {kind['maxItems']} of " if "maxItems" in kind else ""
    return f"list of {most}({_words(kind['items'])})"


def _object(kind: Mapping[str, Any]) -> str:
    of = kind.get("additionalProperties")
    return f"object of ({_words(of)})" if isinstance(of, Mapping) else "object"


def _text(kind: Mapping[str, Any]) -> str:
    if "pattern" in kind:
        return f"text, `{kind['pattern']}`"
    return f"text of at most {kind['maxLength']} characters" if "maxLength" in kind else "text"


def _number(kind: Mapping[str, Any]) -> str:
    signs = {"minimum": "≥", "maximum": "≤", "exclusiveMaximum": "<"}
    limits = [f"{sign} {kind[key]}" for key, sign in signs.items() if key in kind]
    return ", ".join([str(kind.get("type", "anything")), *limits])


_WORDS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "array": _list, "object": _object, "string": _text,
}  # fmt: skip
