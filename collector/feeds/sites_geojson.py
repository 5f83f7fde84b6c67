"""The sites as GeoJSON (RFC 7946), each with its newest quarter-hour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from collector.ngsi_ld.entities import NOISE, Entity, value_of
from collector.registry.inventory import Inventory, Site


def sites_geojson(inventory: Inventory, entities: Iterable[Entity]) -> dict[str, Any]:
    """Return a FeatureCollection with one feature a site.

    A site without coordinates has the geometry null. Levels are those of the node that measured
    last (the loudest of several), with how much of the quarter it measured; null: nothing was.

    Parameters
    ----------
    entities : iterable of dict
        What is known of the newest quarters: see :mod:`collector.ngsi_ld.entities`.
    """
    newest: dict[str, Entity] = {}
    for one in entities:
        if one["type"] == NOISE:
            site = str(value_of(one["refPointOfInterest"])).rpartition(":")[2]
            newest[site] = max(newest.get(site, one), one, key=_order)
    return {
        "type": "FeatureCollection",
        "features": [_feature(site, newest.get(site.id, {})) for site in inventory.sites.values()],
    }


def _order(one: Entity) -> tuple[str, float]:
    return str(value_of(one["dateObservedTo"])), float(value_of(one.get("LAeq")) or 0.0)


def _feature(site: Site, newest: Mapping[str, Any]) -> dict[str, Any]:
    def value(name: str) -> Any:
        return value_of(newest.get(name))

    geometry = None
    if site.latitude is not None and site.longitude is not None:
        geometry = {"type": "Point", "coordinates": [site.longitude, site.latitude]}
    return {
        "type": "Feature",
        "id": site.id,
        "geometry": geometry,
        "properties": {
            "name": site.name,
            "municipality": site.municipality,
            "time_zone": site.time_zone,
            "observed_from": value("dateObservedFrom"),
            "observed_to": value("dateObservedTo"),
            "laeq_db": value("LAeq"),
            "lafmax_db": value("LAmax"),
            "uncertainty_db": value_of(newest.get("LAeq", {}).get("uncertainty")),
            "measured_s": value("measuredTime"),
            "simulated": value("simulated"),
        },
    }
