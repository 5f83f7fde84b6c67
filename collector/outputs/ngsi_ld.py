"""Quarter-hours pushed to an NGSI-LD context broker, each once it is over.

A broker shows of each entity what it was told last, and keeps what came before where it can. So
quarters go out in the order of time, and whatever is late is followed by the newest again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import httpx
import msgspec

from collector.config import NgsiLd
from collector.ledger.ledger import Ledger, LevelHour, StoredMessage
from collector.ngsi_ld.entities import Entity, noise_entity, traffic_entity, with_context
from collector.ngsi_ld.quarters import (
    QUARTER,
    NoiseQuarter,
    end_of,
    last_quarter,
    noise_quarter,
    quarter_at,
    traffic_quarter,
)
from collector.outputs.output import OutputUnavailableError, RejectedLine, Stretch, WriteResult
from collector.registry.inventory import Inventory
from collector.registry.registry import Registry
from sensor.contract.messages import Event, LevelBatch

NAME: Final = "ngsi_ld"

_AT_ONCE: Final = 100
_REFUSED: Final = frozenset({400, 409, 413, 422})
_UPSERT: Final = "/ngsi-ld/v1/entityOperations/upsert"

_Quarters = Mapping[datetime, set[str]]


class NgsiLdOutput:
    """The context broker that `config` names.

    Raises
    ------
    ValueError
        It names none.
    """

    name = NAME
    takes_figures = False

    def __init__(self, config: NgsiLd) -> None:
        if config.url is None:
            raise ValueError("without a url there is nowhere to push to")
        self._url = config.url.rstrip("/")
        self._context = config.context
        self.messages_per_s = config.messages_per_s
        headers = {"Content-Type": "application/ld+json"}
        if config.token:
            headers["Authorization"] = f"Bearer {config.token}"
        if config.tenant is not None:
            headers["NGSILD-Tenant"] = config.tenant
        self._client = httpx.Client(headers=headers, timeout=config.timeout_s)

    def write(
        self, messages: Sequence[StoredMessage], ledger: Ledger, registry: Registry
    ) -> WriteResult:
        """Push the quarters that `messages` end or change.

        Raises
        ------
        OutputUnavailableError
            The broker cannot be reached or is not ready; write the same again later.
        """
        inventory = registry.inventory()
        pushed, rejected = 0, []
        for start, nodes in sorted(_touched(messages, ledger).items()):
            entities = list(_entities(ledger, inventory, start, nodes))
            for first in range(0, len(entities), _AT_ONCE):
                part = entities[first : first + _AT_ONCE]
                refused = list(self._upsert(part))
                pushed += len(part) - len(refused)
                rejected += refused
        return WriteResult(points=pushed, rejected=tuple(rejected))

    def write_hours(self, hours: Sequence[LevelHour], registry: Registry) -> WriteResult:  # noqa: ARG002 - as every output
        """An hour is no quarter: nothing is left to push of what was pruned."""
        return WriteResult()

    def replace(self, stretches: Sequence[Stretch]) -> WriteResult:  # noqa: ARG002 - as every output
        """Figures are not for a context broker."""
        return WriteResult()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _upsert(self, entities: Sequence[Entity]) -> Iterator[RejectedLine]:
        """Push, and yield what the broker will never take."""
        body = msgspec.json.encode([with_context(one, self._context) for one in entities])
        try:
            answer = self._client.post(self._url + _UPSERT, content=body)
        except httpx.HTTPError as error:
            raise OutputUnavailableError(
                f"the context broker at {self._url} cannot be reached: is it running there? "
                f"({type(error).__name__})"
            ) from error
        if answer.status_code == 207:
            yield from self._refused_of(answer, entities)
        elif answer.status_code in _REFUSED:
            yield from self._halves(answer, entities)
        elif not answer.is_success:
            raise self._unavailable(answer)

    def _halves(self, answer: httpx.Response, entities: Sequence[Entity]) -> Iterator[RejectedLine]:
        if len(entities) == 1:
            yield _rejected(entities[0], f"{answer.status_code} {_sentence(answer.text)}")
            return
        middle = len(entities) // 2
        yield from self._upsert(entities[:middle])
        yield from self._upsert(entities[middle:])

    def _refused_of(
        self, answer: httpx.Response, entities: Sequence[Entity]
    ) -> Iterator[RejectedLine]:
        """What a part of the batch failed for (BatchOperationResult)."""
        by_id = {one["id"]: one for one in entities}
        try:
            errors = [(one["entityId"], one["error"]) for one in answer.json()["errors"]]
        except (ValueError, KeyError, TypeError) as error:
            raise self._unavailable(answer) from error
        for name, problem in errors:
            status = problem.get("status", 400) if isinstance(problem, dict) else 400
            if name not in by_id or status not in _REFUSED:
                raise self._unavailable(answer)
            yield _rejected(by_id[name], _sentence(str(problem)))

    def _unavailable(self, answer: httpx.Response) -> OutputUnavailableError:
        wait = answer.headers.get("Retry-After", "")
        reason = f"answers {answer.status_code}: {_sentence(answer.text)}"
        if answer.status_code in {401, 403}:
            reason = "refuses us: check ngsi_ld.token and tenant"
        return OutputUnavailableError(
            f"the context broker at {self._url} {reason}",
            float(wait) if wait.isdecimal() else None,
        )


def _touched(messages: Sequence[StoredMessage], ledger: Ledger) -> _Quarters:
    """Quarters that are over and that `messages` end or change, each with its nodes."""
    found: defaultdict[datetime, set[str]] = defaultdict(set)
    nodes: set[str] = set()
    for stored in messages:
        for start in _quarters_of(stored.message, ledger):
            found[start].add(stored.node)
            nodes.add(stored.node)
    for node in nodes:
        newest = last_quarter(ledger, node)
        if newest is not None:
            found[newest].add(node)
    return found


def _quarters_of(message: Any, ledger: Ledger) -> Iterator[datetime]:
    if isinstance(message, Event):
        newest, start = last_quarter(ledger, message.node), quarter_at(message.start)
        # What is not over yet is pushed when it is.
        if newest is not None and start <= newest:
            yield start
    if not isinstance(message, LevelBatch):
        return
    start = quarter_at(message.start)
    before = ledger.newest(message.node, "levels", before=message.start)
    if before is not None and isinstance(before.message, LevelBatch):
        cut = quarter_at(end_of(before.message))
        # The node was off when it ended: nothing has pushed it.
        if cut < min(start, end_of(before.message)):
            yield cut
    while start + QUARTER <= end_of(message):
        yield start
        start += QUARTER


def _entities(
    ledger: Ledger, inventory: Inventory, start: datetime, nodes: set[str]
) -> Iterator[Entity]:
    """What these nodes measured in a quarter, and what passed at their sites."""
    noise = {
        node: found
        for node in sorted(nodes)
        if (found := noise_quarter(ledger, inventory, node, start)) is not None
    }
    yield from (noise_entity(one) for one in noise.values())
    for site in {one.site.id: one.site for one in noise.values()}.values():
        others = (
            noise_quarter(ledger, inventory, node, start)
            for node in inventory.nodes
            if node not in noise and inventory.site_of(node, start) == site
        )
        there: list[NoiseQuarter] = [one for one in others if one is not None]
        there += [one for one in noise.values() if one.site == site]
        yield traffic_entity(traffic_quarter(ledger, site, start, there))


def _rejected(entity: Entity, reason: str) -> RejectedLine:
    return RejectedLine(msgspec.json.encode(entity).decode(), reason)


def _sentence(text: str) -> str:
    return " ".join(text.split())[:300]
