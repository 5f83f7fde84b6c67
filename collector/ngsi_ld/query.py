"""The part of NGSI-LD's query language that entities of ours need.

``q`` is one or several comparisons joined by ``;``, all of which must hold: ``LAeq>=60``,
``simulated==false``, ``refDevice=="urn:ngsi-ld:Device:ekskolan-1"``. Alternatives, ranges, patterns
and paths are refused rather than misunderstood. An entity without the attribute does not match.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from collector.errors import CollectorError
from collector.ngsi_ld.entities import Entity, value_of

_TERM: Final = re.compile(
    r"(?P<name>[A-Za-z][A-Za-z0-9_]*)(?P<sign>==|!=|>=|<=|>|<)(?P<value>\"[^\"]*\"|[^\"~,;()|]+)"
)
_SIGNS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


class QueryError(CollectorError, ValueError):
    """A query that is not understood; the text says which part of it."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which entities are asked for; None: whichever."""

    types: frozenset[str] | None = None
    ids: frozenset[str] | None = None
    terms: tuple[tuple[str, str, Any], ...] = ()

    def chosen(self, entities: Iterable[Entity]) -> list[Entity]:
        """Those among `entities`, in their order."""
        return [one for one in entities if self._matches(one)]

    def _matches(self, entity: Entity) -> bool:
        return (
            (self.types is None or entity["type"] in self.types)
            and (self.ids is None or entity["id"] in self.ids)
            and all(_holds(entity, *term) for term in self.terms)
        )


def read_query(types: str | None, ids: str | None, q: str | None) -> Query:
    """Return what the parameters ask for.

    Raises
    ------
    QueryError
        Nothing is asked for, or `q` is not of this part of the language.
    """
    if not (types or ids or q):
        raise QueryError("ask for a type, an id or a q: such as type=NoiseLevelObserved")
    return Query(_names(types), _names(ids), tuple(map(_term, q.split(";"))) if q else ())


def _names(text: str | None) -> frozenset[str] | None:
    return frozenset(part.strip() for part in text.split(",")) if text else None


def _term(text: str) -> tuple[str, str, Any]:
    match = _TERM.fullmatch(text.strip())
    if match is None:
        raise QueryError(
            f"q: {text[:60]!r} is not understood: write comparisons such as LAeq>=60;intensity<5"
        )
    return match["name"], match["sign"], _value(match["value"].strip())


def _value(text: str) -> Any:
    # Numbers, true, false and quoted texts are as in JSON; times are compared as texts.
    try:
        return json.loads(text)
    except ValueError:
        return text


def _holds(entity: Entity, name: str, sign: str, wanted: Any) -> bool:
    if name not in entity:
        return False
    value = value_of(entity[name])
    comparable = isinstance(value, str) == isinstance(wanted, str)
    if not comparable or isinstance(value, (list, dict)):
        return False
    return _SIGNS[sign](value, wanted)
