"""Logins that fail make the next ones wait, longer and longer.

What failed is counted for each account, known or not, and for each address, in the database: it
holds for all servers on it, and a restart forgets nothing. A try counts as failed until it has
succeeded, so that many at once win nothing. While somebody has to wait nothing is looked at and
nothing counted, so that the wait ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from typing import Any, Final

from sqlalchemy import Connection, Engine, delete, select, update

from collector.database import tables
from collector.database.database import upsert, writing
from collector.registry.accounts import spelled
from dashboards.briefing.access.refusals import TooManyTriesError

FORGOTTEN_AFTER: Final = timedelta(days=1)
LONGEST_WAIT: Final = timedelta(minutes=15)

_FIRST_WAIT: Final = timedelta(seconds=15)
_IPV6_SITE_BITS: Final = 64
"""So much of an address is given to one customer; the rest is theirs to choose."""

_failure: Final = tables.login_failure


@dataclass(frozen=True, slots=True)
class _Key:
    """Something that failures are counted of; `free` of them cost nothing."""

    key: str
    free: int

    def wait(self, count: int) -> timedelta:
        """How long the next try has to wait after so many have failed."""
        if count < self.free:
            return timedelta(0)
        # Doubled so often it is long past the longest.
        doublings = min(count - self.free, 10)
        return min(_FIRST_WAIT * (1 << doublings), LONGEST_WAIT)


class Throttle:
    """What failed, in the database `engine`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, name: str, address: str) -> None:
        """Count a try, before it is looked at; :class:`TooManyTriesError` if it has to wait."""
        keys = (_account(name), _address(address))
        with writing(self._engine) as connection:
            # Read here, where nobody else counts.
            now = datetime.now(UTC)
            connection.execute(delete(_failure).where(_failure.c.last_at <= now - FORGOTTEN_AFTER))
            known = _known(connection, keys)
            waiting = (row.until for row in known.values() if row.until > row.last_at)
            until = max(waiting, default=now)
            if until > now:
                raise TooManyTriesError(until, ceil((until - now).total_seconds()))
            for one in keys:
                count = known[one.key].count + 1 if one.key in known else 1
                _put(connection, one, count, now)

    def succeeded(self, name: str, address: str) -> None:
        """Forget what failed of that account, and that this try of that address could."""
        account, place = _account(name), _address(address)
        with writing(self._engine) as connection:
            connection.execute(delete(_failure).where(_failure.c.key == account.key))
            row = _known(connection, (place,)).get(place.key)
            if row is not None:
                fewer = update(_failure).where(_failure.c.key == place.key)
                connection.execute(fewer.values(count=row.count - 1, until=row.last_at))


def _account(name: str) -> _Key:
    return _Key(_hashed(f"account {spelled(name)}"), free=5)


def _address(address: str) -> _Key:
    # A school or an office has one address for many people.
    return _Key(_hashed(f"address {_place(address)}"), free=20)


def _place(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(ip_network((int(parsed), _IPV6_SITE_BITS), strict=False))
    return address


def _hashed(text: str) -> str:
    # What was typed as a name may have been a password.
    return sha256(text.encode(errors="replace")).hexdigest()


def _known(connection: Connection, keys: tuple[_Key, ...]) -> dict[str, Any]:
    chosen = select(_failure).where(_failure.c.key.in_([one.key for one in keys]))
    return {row.key: row for row in connection.execute(chosen)}


def _put(connection: Connection, one: _Key, count: int, now: datetime) -> None:
    values = {"count": count, "last_at": now, "until": now + one.wait(count)}
    put = upsert(connection, _failure).values(key=one.key, **values)
    connection.execute(put.on_conflict_do_update(index_elements=["key"], set_=values))
