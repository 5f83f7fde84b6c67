"""A simulated town as a ledger that every command can open, with its truth beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.config import load_config
from collector.database.database import open_database
from collector.ledger.ledger import Ledger, Received
from collector.registry.inventory import Patrol
from collector.registry.registry import Registry
from deploy.demo_folder import toml
from deploy.errors import DeployError
from deploy.town.history import chunks, node_history, sign_chain
from deploy.town.rules import register_rules
from deploy.town.terms import calendar_toml
from deploy.town.town import Town
from deploy.town.truth import truth_document, write_truth
from sensor.contract.signature import public_key_text

CONFIG: Final = "collector.toml"
LEDGER: Final = "ledger.sqlite"
TRUTH: Final = "truth.json"
CALENDAR: Final = "school_calendar.toml"

_AT_ONCE: Final = 2000


def write_town(town: Town, end: datetime, folder: Path) -> Iterator[int]:
    """Write ledger, configuration, calendar and truth of a town whose data end at `end`.

    Yields after each node how many messages it sent.

    Raises
    ------
    DeployError
        There is a ledger already, or the folder cannot be written.
    """
    _make(folder)
    (folder / CONFIG).write_text(_configuration(), encoding="utf-8")
    (folder / CALENDAR).write_text(calendar_toml(town.when.calendar), encoding="utf-8")
    engine = open_database(load_config(folder / CONFIG).ledger)
    try:
        registry = Registry(engine)
        ledger = Ledger(engine, registry)
        _register(registry, town)
        episode_events: dict[str, Mapping[int, Sequence[str]]] = {}
        for node, _ in town.nodes:
            history = node_history(town, node, end)
            signed = sign_chain(history.messages, _key(town.seed, node))
            count = 0
            for chunk in chunks(signed, _AT_ONCE):
                ledger.append([Received(*one, received_at=end) for one in chunk])
                count += len(chunk)
            episode_events[node] = history.episode_events
            yield count
    finally:
        engine.dispose()
    write_truth(folder / TRUTH, truth_document(town, end, episode_events))


def _make(folder: Path) -> None:
    if (folder / LEDGER).exists():
        raise DeployError(f"{folder / LEDGER} exists already: choose another --out, or remove it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DeployError(f"--out {folder} cannot be made: {error.strerror}") from error


def _configuration() -> str:
    ledger: Mapping[str, str] = {"ledger": f"sqlite:///{LEDGER}", "calendar": CALENDAR}
    return toml({"": ledger, "page": {"municipality": "Havsbro"}})


def _register(registry: Registry, town: Town) -> None:
    since = town.when.start - timedelta(days=1)
    for site in town.sites:
        registry.add_site(site)
        register_rules(registry, site.id, since)
    for node, at in town.nodes:
        public_key = _key(town.seed, node).public_key()
        registry.add_node(node, at, public_key_text(public_key), since)
    if town.campaign is not None:
        site_id = town.sites[town.campaign.site].id
        for patrol in town.campaign.patrols(site_id, town.when):
            registry.add_patrol(
                Patrol(site=patrol.site, start=patrol.start, end=patrol.end, note="simulated")
            )


def _key(seed: int, node: str) -> Ed25519PrivateKey:
    # Of a node that does not exist: known to everybody, so that one seed gives one ledger.
    return Ed25519PrivateKey.from_private_bytes(
        hashlib.sha256(f"simulated {seed} {node}".encode()).digest()
    )
