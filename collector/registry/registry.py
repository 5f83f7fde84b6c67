"""The registry: sites, nodes, where each hung and when, keys, speed limits, guideline values.

Reading costs one small query; the rest comes from memory until a version counter in the
database tells that somebody, perhaps another process, has changed something.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, select, update

from collector.database import tables
from collector.database.database import reading, upsert, writing
from collector.errors import RegistryError
from collector.registry.inventory import (
    Guideline,
    Inventory,
    Node,
    NodeKey,
    Patrol,
    Placement,
    Site,
    SpeedLimit,
    require_id,
)
from sensor.contract.signature import public_key_text as text_of

__all__ = ["Guideline", "Inventory", "Node", "NodeKey", "Patrol", "PatrolChangedError",
           "Placement", "Registry", "Site", "SpeedLimit"]  # fmt: skip


class PatrolChangedError(RegistryError):
    """A patrol is no more what whoever changes it has seen; `current` is what it is now, if it is.

    Somebody else has been faster: look at both, and change it again.
    """

    def __init__(self, number: int | None, current: Patrol | None) -> None:
        what = "removed" if current is None else "changed"
        super().__init__(
            f"patrol {number} was {what} by somebody else meanwhile: look at it again, and "
            "change what is there now"
        )
        self.current = current


class Registry:
    """Sites and nodes in the database `engine`; safe for several threads and processes.

    All that changes something raises :class:`RegistryError` where it contradicts what is there,
    and :class:`LedgerError` where the database cannot be written.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._inventory: Inventory | None = None
        self._looked_at = -math.inf

    def inventory(self) -> Inventory:
        """All of it as it is now; use this where many questions follow each other."""
        with reading(self._engine) as connection:
            version = _version(connection)
            if self._inventory is None or self._inventory.version != version:
                self._inventory = _read(connection, version)
            self._looked_at = time.monotonic()
            return self._inventory

    def recent_inventory(self, max_age_s: float = 1.0) -> Inventory:
        """All of it as it was at most `max_age_s` ago, at no cost in between."""
        if self._inventory is None or time.monotonic() - self._looked_at > max_age_s:
            return self.inventory()
        return self._inventory

    def sites(self) -> list[Site]:
        """All sites by id."""
        return list(self.inventory().sites.values())

    def site(self, site_id: str) -> Site:
        """The site of that id; :class:`RegistryError` where there is none."""
        return _known(self.inventory().sites, site_id, "site")

    def nodes(self) -> list[Node]:
        """All nodes by id."""
        return list(self.inventory().nodes.values())

    def node(self, node_id: str) -> Node:
        """The node of that id; :class:`RegistryError` where there is none."""
        return _known(self.inventory().nodes, node_id, "node")

    def site_of(self, node_id: str, at: datetime | None = None) -> Site | None:
        """Where the node hung at that time (now unless told); None: nowhere that is known."""
        return self.inventory().site_of(node_id, at)

    def placements(self, node_id: str) -> tuple[Placement, ...]:
        """Where the node hung, in order of time."""
        return self.inventory().placements.get(node_id, ())

    def keys_of(self, node_id: str) -> tuple[NodeKey, ...]:
        """All keys that the node has or had."""
        return self.inventory().keys_of(node_id)

    def key(self, kid: str) -> NodeKey:
        """The key of that thumbprint; :class:`RegistryError` where there is none."""
        return _known(self.inventory().keys, kid, "key")

    def speed_limits(self, site_id: str) -> list[SpeedLimit]:
        """The limits posted at a site."""
        return [limit for limit in self.inventory().speed_limits if limit.site == site_id]

    def guidelines(self, site_id: str) -> list[Guideline]:
        """The guideline values that apply at a site."""
        return [value for value in self.inventory().guidelines if value.site == site_id]

    def patrols(self, site_id: str | None = None) -> list[Patrol]:
        """The patrols that were logged, at a site or everywhere, in order of time."""
        return [one for one in self.inventory().patrols if site_id in {None, one.site}]

    def add_site(self, site: Site) -> None:
        """Add a place to measure at."""
        with self.changing() as (connection, inventory):
            if site.id in inventory.sites:
                raise RegistryError(f"there is a site {site.id} already: choose another id")
            connection.execute(tables.site.insert().values(asdict(site)))

    def add_node(
        self,
        node_id: str,
        site_id: str,
        public_key_text: str | None,
        since: datetime | None = None,
        *,
        note: str = "",
        geometry: Mapping[str, Any] | None = None,
    ) -> None:
        """Add a node that hangs at a site and signs with a key, from `since` (now) on.

        Without a key it is one that will make its own, and enrol with it.
        """
        require_id(node_id, "node")
        start = since or datetime.now(UTC)
        key = None
        if public_key_text is not None:
            key = NodeKey.from_text(node_id, public_key_text, start)
        with self.changing() as (connection, inventory):
            if node_id in inventory.nodes:
                raise RegistryError(f"there is a node {node_id} already: choose another id")
            _known(inventory.sites, site_id, "site")
            connection.execute(tables.node.insert().values(id=node_id, note=note))
            _insert_placement(
                connection,
                Placement(node=node_id, site=site_id, since=start, geometry=dict(geometry or {})),
            )
            if key is not None:
                insert_key(connection, inventory, key)

    def place_node(
        self,
        node_id: str,
        site_id: str,
        since: datetime,
        geometry: Mapping[str, Any] | None = None,
    ) -> None:
        """Hang a node at a site from `since` on, which ends where it hung before."""
        with self.changing() as (connection, inventory):
            _known(inventory.nodes, node_id, "node")
            _known(inventory.sites, site_id, "site")
            before = inventory.placements.get(node_id, ())
            if before and since <= before[-1].since:
                raise RegistryError(
                    f"node {node_id} hangs at {before[-1].site} since {before[-1].since}: "
                    "a new place must begin later"
                )
            ended = update(tables.placement).where(
                tables.placement.c.node == node_id, tables.placement.c.until.is_(None)
            )
            connection.execute(ended.values(until=since))
            _insert_placement(
                connection,
                Placement(node=node_id, site=site_id, since=since, geometry=dict(geometry or {})),
            )

    def retire_node(self, node_id: str, at: datetime | None = None) -> None:
        """Take a node down at `at` (now): it hangs nowhere, and what it signs counts no more.

        All that it has measured stays, at the places where it hung.
        """
        end = at or datetime.now(UTC)
        with self.changing() as (connection, inventory):
            _known(inventory.nodes, node_id, "node")
            hangs = inventory.placements.get(node_id, ())
            if not hangs or hangs[-1].until is not None:
                raise RegistryError(f"node {node_id} hangs nowhere already")
            if end <= hangs[-1].since:
                raise RegistryError(
                    f"node {node_id} hangs at {hangs[-1].site} since {hangs[-1].since}: it can "
                    "only be taken down later"
                )
            table = tables.placement
            here = (table.c.node == node_id) & table.c.until.is_(None)
            connection.execute(update(table).where(here).values(until=end))
            _revoke_all(connection, node_id, end)

    def revoke_keys(self, node_id: str, at: datetime | None = None) -> None:
        """Refuse what comes in from `at` (now) on with any key that the node has so far."""
        with self.changing() as (connection, inventory):
            _known(inventory.nodes, node_id, "node")
            _revoke_all(connection, node_id, at or datetime.now(UTC))

    def add_key(self, node_id: str, public_key_text: str, since: datetime | None = None) -> None:
        """Let a node sign with one more key."""
        key = NodeKey.from_text(node_id, public_key_text, since or datetime.now(UTC))
        with self.changing() as (connection, inventory):
            _known(inventory.nodes, node_id, "node")
            insert_key(connection, inventory, key)

    def revoke_key(self, kid: str, at: datetime | None = None) -> None:
        """Refuse what comes in from `at` (now) on with that key."""
        with self.changing() as (connection, inventory):
            _known(inventory.keys, kid, "key")
            chosen = update(tables.node_key).where(tables.node_key.c.kid == kid)
            connection.execute(chosen.values(revoked_at=at or datetime.now(UTC)))

    def add_speed_limit(self, limit: SpeedLimit) -> None:
        """Add a posted limit."""
        with self.changing() as (connection, inventory):
            _known(inventory.sites, limit.site, "site")
            row = {**asdict(limit), "weekdays": list(limit.weekdays)}
            connection.execute(tables.speed_limit.insert().values(row))

    def set_guideline(self, guideline: Guideline) -> None:
        """Give a site a guideline value, in place of the last one of that quantity."""
        with self.changing() as (connection, inventory):
            _known(inventory.sites, guideline.site, "site")
            old = (tables.guideline.c.site == guideline.site) & (
                tables.guideline.c.quantity == guideline.quantity
            )
            connection.execute(tables.guideline.delete().where(old))
            connection.execute(tables.guideline.insert().values(asdict(guideline)))

    def add_patrol(self, patrol: Patrol) -> int:
        """Log a patrol, and return the number it gets."""
        with self.changing() as (connection, inventory):
            _known(inventory.sites, patrol.site, "site")
            row = _without_id(asdict(replace(patrol, version=1, changed_at=datetime.now(UTC))))
            made = connection.execute(
                tables.patrol.insert().values(row).returning(tables.patrol.c.id)
            )
            return int(made.scalar_one())

    def patrol(self, number: int) -> Patrol:
        """The patrol of that number; :class:`RegistryError` where there is none."""
        return _known(_patrols(self.inventory()), str(number), "patrol")

    def change_patrol(self, patrol: Patrol) -> Patrol:
        """Correct a patrol whose `version` is still that of the log, and return it as it is now.

        Raises
        ------
        PatrolChangedError
            Somebody else has changed or removed it since; nothing was changed then.
        """
        with self.changing() as (connection, inventory):
            _known(inventory.sites, patrol.site, "site")
            _require_version(inventory, patrol.id, patrol.version)
            changed = replace(patrol, version=patrol.version + 1, changed_at=datetime.now(UTC))
            chosen = update(tables.patrol).where(tables.patrol.c.id == patrol.id)
            connection.execute(chosen.values(_without_id(asdict(changed))))
            return changed

    def remove_patrol(self, number: int, version: int | None = None) -> Patrol:
        """Take back a patrol that was logged by mistake, and return it.

        With a `version`, only if it is still that one; else :class:`PatrolChangedError`.
        """
        with self.changing() as (connection, inventory):
            removed = _known(_patrols(inventory), str(number), "patrol")
            if version is not None:
                _require_version(inventory, number, version)
            connection.execute(tables.patrol.delete().where(tables.patrol.c.id == number))
            return removed

    @contextmanager
    def changing(self) -> Iterator[tuple[Connection, Inventory]]:
        """Change something in one transaction; all who read the registry hear of it afterwards."""
        with writing(self._engine) as connection:
            yield connection, _read(connection, _version(connection))
            raise_version(connection)


def raise_version(connection: Connection) -> None:
    """Let everybody know that something has changed, within the transaction that changed it."""
    raised = upsert(connection, tables.registry_version)
    raised = raised.values(id=1, version=_version(connection) + 1)
    connection.execute(
        raised.on_conflict_do_update(
            index_elements=["id"], set_={"version": raised.excluded.version}
        )
    )


def _version(connection: Connection) -> int:
    return connection.scalar(select(tables.registry_version.c.version)) or 0


def _read(connection: Connection, version: int) -> Inventory:
    def rows(table: Any, *order: Any) -> list[Mapping[str, Any]]:
        return [dict(row) for row in connection.execute(select(table).order_by(*order)).mappings()]

    sites = (Site(**row) for row in rows(tables.site, tables.site.c.id))
    nodes = (Node(**row) for row in rows(tables.node, tables.node.c.id))
    order = (tables.placement.c.node, tables.placement.c.since)
    placements = [Placement(**row) for row in rows(tables.placement, *order)]
    keys = (_key(row) for row in rows(tables.node_key, tables.node_key.c.since))
    limits = rows(tables.speed_limit, tables.speed_limit.c.id)
    guidelines = rows(tables.guideline, tables.guideline.c.id)
    patrols = rows(tables.patrol, tables.patrol.c.start, tables.patrol.c.id)
    return Inventory(
        version=version,
        sites={site.id: site for site in sites},
        nodes={node.id: node for node in nodes},
        placements={n: tuple(p) for n, p in groupby(placements, key=lambda item: item.node)},
        keys={key.kid: key for key in keys},
        speed_limits=tuple(
            SpeedLimit(**{**_without_id(row), "weekdays": tuple(row["weekdays"])}) for row in limits
        ),
        guidelines=tuple(Guideline(**_without_id(row)) for row in guidelines),
        patrols=tuple(Patrol(**row) for row in patrols),
    )


def _key(row: Mapping[str, Any]) -> NodeKey:
    key = NodeKey.from_text(row["node"], row["public_key"], row["since"], row["revoked_at"])
    return replace(key, announced_seq=row["announced_seq"], last_seq=row["last_seq"])


def _without_id(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "id"}


def _patrols(inventory: Inventory) -> dict[str, Patrol]:
    return {str(one.id): one for one in inventory.patrols}


def _require_version(inventory: Inventory, number: int | None, version: int) -> None:
    current = _patrols(inventory).get(str(number))
    if current is None or current.version != version:
        raise PatrolChangedError(number, current)


def _insert_placement(connection: Connection, placement: Placement) -> None:
    connection.execute(tables.placement.insert().values(asdict(placement)))


def _revoke_all(connection: Connection, node_id: str, at: datetime) -> None:
    """Revoke those keys of a node that are not revoked yet."""
    table = tables.node_key
    good = (table.c.node == node_id) & table.c.revoked_at.is_(None)
    connection.execute(update(table).where(good).values(revoked_at=at))


def insert_key(connection: Connection, inventory: Inventory, key: NodeKey) -> None:
    """Add a key that no node has yet."""
    if key.kid in inventory.keys:
        raise RegistryError(
            f"node {inventory.keys[key.kid].node} has this key already: each node needs its own"
        )
    connection.execute(
        tables.node_key.insert().values(
            kid=key.kid, node=key.node, public_key=text_of(key.public_key), since=key.since
        )
    )


_T = TypeVar("_T")


def _known(things: Mapping[str, _T], name: str, what: str) -> _T:
    if name not in things:
        known = ", ".join(things) or "none"
        raise RegistryError(f"there is no {what} {name[:80]!r}: known are {known[:200]}")
    return things[name]
