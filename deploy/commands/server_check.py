"""``skolro server check``: until when the server's certificates hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import typer
from msgspec import Struct, to_builtins

from collector.alert_config import AlertRules
from collector.certificates import Certificate, Holder, certificates_of, warned_from
from collector.commands.opened import JsonOption, print_json, print_table
from collector.config import CollectorConfig, load_config
from deploy.server.collector_config import CONFIG_FILE
from deploy.server.renewal import kept, of_nodes

_Whose: TypeAlias = Holder | Literal["node"]

_RENEW: Final = "skolro server renew"
_TODO: Final[dict[_Whose, str]] = {
    "authority": "every node needs a new card before",
    "broker": _RENEW,
    "collector": _RENEW,
    "pages": "replace your own; of others the proxy's log says why they are not renewed",
    "node": "give the node a new one",
}


class _Found(Struct, frozen=True, kw_only=True):
    """A certificate; `todo` is empty while nothing has to be done."""

    whose: str
    ends: datetime
    days: int
    todo: str


def server_check(
    folder: Annotated[Path, typer.Argument(help="The server's folder.")] = Path("/etc/skolro"),
    as_json: JsonOption = False,
) -> None:
    """Show until when each certificate holds; status 1 where one ends soon.

    The broker's and the pages' are those that they show to whoever comes, where they are reached.
    docs/server.md says how each is replaced.
    """
    found = list(_all(folder, datetime.now(UTC)))
    if as_json:
        print_json({"certificates": [to_builtins(one) for one in found]})
    else:
        rows = [
            (one.whose, f"{one.ends:%Y-%m-%d}", str(one.days), one.todo or "nothing")
            for one in found
        ]
        print_table(("Certificate", "Holds until", "Days", "To do"), rows, "")
    if any(one.todo for one in found):
        raise typer.Exit(1)


def _all(folder: Path, now: datetime) -> Iterator[_Found]:
    config = load_config(folder / CONFIG_FILE)
    # What is shown comes after what is kept, since that is what counts.
    for holder, certificate in {**kept(folder), **certificates_of(config)}.items():
        yield _found(config, holder, holder, certificate, now)
    for node, certificate in of_nodes(folder).items():
        yield _found(config, "node", node, certificate, now)


def _found(
    config: CollectorConfig, whose: _Whose, name: str, certificate: Certificate, now: datetime
) -> _Found:
    rules = config.alerts.rules if config.alerts else AlertRules()
    is_due = now >= warned_from(whose, certificate, rules.certificate_days)
    return _Found(
        whose=name,
        ends=certificate.ends,
        days=(certificate.ends - now).days,
        todo=_TODO[whose] if is_due else "",
    )
