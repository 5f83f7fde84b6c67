"""Entities as NGSI-LD writes them: normalized, and in short (``options=keyValues``).

Attributes of the Smart Data Models (`NoiseLevelObserved`, `TrafficFlowObserved`) keep their names;
what they lack is added: `coverage` and `measuredTime` say how much of the period was measured,
`uncertainty` half the 95 % interval, `quality` what speaks against a value, `simulated` that none
of it happened. What was not measured is left out, since NGSI-LD has no missing value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from collector.config import CORE_CONTEXT
from collector.ledger.ledger import Ledger
from collector.ngsi_ld.quarters import (
    LEVEL_U95_DB,
    QUARTER,
    NoiseQuarter,
    TrafficQuarter,
    last_quarter,
    noise_quarter,
    traffic_quarter,
)
from collector.registry.inventory import Inventory, Site

Entity: TypeAlias = dict[str, Any]

NOISE: Final = "NoiseLevelObserved"
TRAFFIC: Final = "TrafficFlowObserved"

# Units of UN/CEFACT recommendation 20.
_DECIBEL: Final = "2N"
_KMH: Final = "KMH"
_SECOND: Final = "SEC"
_COUNTED: Final = "vehicles loud enough to be heard as single events, not all traffic"


def current_entities(
    ledger: Ledger, inventory: Inventory, *, small_count: int | None = None
) -> Iterator[Entity]:
    """Yield what the newest whole quarter of each node and site says.

    Parameters
    ----------
    small_count : int, optional
        For everybody's eyes: fewer passes than this are told without their number.
    """
    newest = {node: at for node in inventory.nodes if (at := last_quarter(ledger, node))}
    noise = [
        found
        for node, start in newest.items()
        if (found := noise_quarter(ledger, inventory, node, start)) is not None
    ]
    yield from (noise_entity(one) for one in noise)
    for site in inventory.sites.values():
        here = [one for one in noise if one.site.id == site.id]
        start = max((one.start for one in here), default=None)
        if start is not None:
            there = (one for one in here if one.start == start)
            yield traffic_entity(traffic_quarter(ledger, site, start, there), small_count)


def noise_entity(one: NoiseQuarter) -> Entity:
    """What a node measured in a quarter."""
    entity = _entity(NOISE, one.node, one.site, one.start, one.simulated)
    entity["refDevice"] = _relationship(f"urn:ngsi-ld:Device:{one.node}")
    uncertainty = {"uncertainty": _property(LEVEL_U95_DB, _DECIBEL)}
    for name, level_db in (("LAeq", one.laeq_db), ("LAmax", one.lafmax_db)):
        if level_db is not None:
            entity[name] = _observed(round(level_db, 1), one.end, _DECIBEL) | uncertainty
    return entity | _measured(one.measured_s) | {"quality": _property(sorted(one.flags) or ["ok"])}


def traffic_entity(one: TrafficQuarter, small_count: int | None = None) -> Entity:
    """What passed at a site in a quarter."""
    entity = _entity(TRAFFIC, one.site.id, one.site, one.start, one.simulated)
    entity |= _measured(one.measured_s) | {"countedVehicles": _property(_COUNTED)}
    if one.measured_s <= 0:
        return entity
    if small_count is not None and one.passes < small_count:
        return entity | {"intensityBelow": _observed(small_count, one.end)}
    entity["intensity"] = _observed(one.passes, one.end)
    entity["unconfirmedPasses"] = _observed(one.unconfirmed, one.end)
    if one.speed_kmh is not None:
        speed = _observed(round(one.speed_kmh, 1), one.end, _KMH)
        speed["sampleSize"] = _property(one.clocked)
        if one.uncertainty_kmh is not None:
            speed["uncertainty"] = _property(round(one.uncertainty_kmh, 1), _KMH)
        entity["averageVehicleSpeed"] = speed
    return entity


def with_context(entity: Entity, context: str) -> Entity:
    """The entity with the address of its terms' meanings; nothing is fetched from there."""
    contexts = [CORE_CONTEXT] if context == CORE_CONTEXT else [context, CORE_CONTEXT]
    return {**entity, "@context": contexts}


def key_values(entity: Entity) -> Entity:
    """The entity in short: of each attribute its value alone."""
    return {name: value_of(one) for name, one in entity.items()}


def value_of(attribute: Any) -> Any:
    """The value of an attribute, or the id that it points to."""
    if not isinstance(attribute, Mapping):
        return attribute
    value = attribute.get("value", attribute.get("object"))
    if isinstance(value, Mapping) and "@value" in value:
        return value["@value"]
    return value


def _entity(kind: str, name: str, site: Site, start: datetime, simulated: bool) -> Entity:
    entity: Entity = {
        "id": f"urn:ngsi-ld:{kind}:{name}",
        "type": kind,
        "name": _property(site.name),
        "dateObservedFrom": _property(_date_time(start)),
        "dateObservedTo": _property(_date_time(start + QUARTER)),
        "refPointOfInterest": _relationship(f"urn:ngsi-ld:PointOfInterest:{site.id}"),
        "simulated": _property(simulated),
    }
    if site.latitude is not None and site.longitude is not None:
        point = {"type": "Point", "coordinates": [site.longitude, site.latitude]}
        entity["location"] = {"type": "GeoProperty", "value": point}
    return entity


def _measured(measured_s: float) -> Entity:
    share = measured_s / (QUARTER / timedelta(seconds=1))
    return {
        "coverage": _property(round(min(share, 1.0), 3)),
        "measuredTime": _property(round(measured_s), _SECOND),
    }


def _property(value: Any, unit: str | None = None) -> Entity:
    made: Entity = {"type": "Property", "value": value}
    return made if unit is None else made | {"unitCode": unit}


def _observed(value: float, at: datetime, unit: str | None = None) -> Entity:
    return _property(value, unit) | {"observedAt": _utc(at)}


def _relationship(other: str) -> Entity:
    return {"type": "Relationship", "object": other}


def _date_time(at: datetime) -> Entity:
    return {"@type": "DateTime", "@value": _utc(at)}


def _utc(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
