"""Dashboards, data source and alert rules to a Grafana that is not provisioned from files.

Pushing twice changes nothing: what stands there already as it should is left as it is, so that
Grafana's history shows only what has changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, Self, TypeAlias
from urllib.parse import urlsplit

from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException
from niquests.exceptions import RequestException

from collector.writing import CODES
from dashboards.grafana.alerts import GROUP, rule_group
from dashboards.grafana.build import rendered
from dashboards.grafana.influxql import DATASOURCE_UID
from dashboards.grafana.words import words
from sensor.contract.errors import SkolroError

Change: TypeAlias = Literal["made", "changed", "unchanged", "left alone", "not supported"]

_TIMEOUT_S: Final = 30.0
_FOLDERS: Final = {"sv": "skolro", "en": "skolro-en"}
_SERVERS_OWN: Final = ("id", "version")
"""What Grafana adds to a dashboard."""


class GrafanaPushError(SkolroError):
    """A Grafana that is not there, or does not take what it is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InfluxSource:
    """How Grafana reaches InfluxDB; see ``provisioning/datasources/skolro.yaml``."""

    url: str
    bucket: str = "skolro"
    user: str = ""
    password: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As Grafana's API wants it."""
        made: dict[str, Any] = {
            "uid": DATASOURCE_UID,
            "name": "Skolro",
            "type": "influxdb",
            "access": "proxy",
            "url": self.url,
            "user": self.user,
            "jsonData": {
                "version": "InfluxQL",
                "dbName": self.bucket,
                "httpMode": "POST",
                "timeInterval": "1s",
            },
        }
        if self.password is not None:
            made["secureJsonData"] = {"password": self.password}
        return made


class Pushed(NamedTuple):
    """What became of one thing."""

    kind: str
    name: str
    change: Change


class Grafana:
    """A Grafana at `url` that lets in who has `token`; a context manager that lets go of it.

    Raises
    ------
    GrafanaPushError
        Here, the address is none; by every method, Grafana is not there, or refuses.
    """

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise GrafanaPushError(
                f"{url!r} is no address of a Grafana: write it as https://grafana.example.se"
            )
        self.url = url.rstrip("/")
        # Its functions carry no types.
        self._api: Any = GrafanaApi.from_url(f"{self.url}/", token, timeout=_TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._api.client.s.close()

    def push(self, source: InfluxSource | None, *, alerts: bool = True) -> Iterator[Pushed]:
        """Push everything, and tell of each thing what became of it.

        Parameters
        ----------
        source : InfluxSource, optional
            None: the data source is there already.
        alerts : bool
            The alert rules, too.
        """
        yield self._data_source(source)
        for code in CODES:
            yield self._folder(_FOLDERS[code], words(code)("folder"))
        for path, text in rendered().items():
            yield self._dashboard(_FOLDERS[path.partition("/")[0]], json.loads(text))
        if alerts:
            yield self._alert_rules(_FOLDERS["sv"])

    def _data_source(self, source: InfluxSource | None) -> Pushed:
        found = self._found(lambda: self._api.datasource.get_datasource_by_uid(DATASOURCE_UID))
        if source is None:
            if found is None:
                raise GrafanaPushError(
                    f"Grafana at {self.url} has no data source {DATASOURCE_UID}: name with "
                    "--influxdb-url where it reaches InfluxDB"
                )
            return Pushed("data source", "Skolro", "left alone")
        wanted = source.as_json()
        if found is None:
            self._asked(lambda: self._api.datasource.create_datasource(wanted))
            return Pushed("data source", "Skolro", "made")
        if found.get("readOnly"):
            return Pushed("data source", "Skolro", "left alone")
        # What a password is there is not told; one that is given is set.
        if all(found.get(name) == value for name, value in wanted.items()):
            return Pushed("data source", "Skolro", "unchanged")
        self._asked(lambda: self._api.datasource.update_datasource_by_uid(DATASOURCE_UID, wanted))
        return Pushed("data source", "Skolro", "changed")

    def _folder(self, uid: str, title: str) -> Pushed:
        found = self._found(lambda: self._api.folder.get_folder(uid))
        if found is None:
            self._asked(lambda: self._api.folder.create_folder(title, uid))
            return Pushed("folder", title, "made")
        if found.get("title") == title:
            return Pushed("folder", title, "unchanged")
        self._asked(lambda: self._api.folder.update_folder(uid, title, overwrite=True))
        return Pushed("folder", title, "changed")

    def _dashboard(self, folder: str, wanted: dict[str, Any]) -> Pushed:
        title = str(wanted["title"])
        found = self._found(lambda: self._api.dashboard.get_dashboard(wanted["uid"]))
        if found is not None and _is_same(found, folder, wanted):
            return Pushed("dashboard", title, "unchanged")
        body = {
            "dashboard": {**wanted, "id": None},
            "folderUid": folder,
            "message": "skolro dashboards push",
            "overwrite": True,
        }
        self._asked(lambda: self._api.dashboard.update_dashboard(body))
        return Pushed("dashboard", title, "made" if found is None else "changed")

    def _alert_rules(self, folder: str) -> Pushed:
        provisioning = self._api.alertingprovisioning
        if self._found(provisioning.get_alertrules_all) is None:
            return Pushed("alert rules", GROUP, "not supported")
        wanted = rule_group(folder)
        found = self._found(lambda: provisioning.get_rule_group(folder, GROUP))
        if found is not None and _holds(found, wanted):
            return Pushed("alert rules", GROUP, "unchanged")
        self._asked(
            # So that people can change them in Grafana afterwards.
            lambda: provisioning.update_rule_group(folder, GROUP, wanted, disable_provenance=True)
        )
        return Pushed("alert rules", GROUP, "made" if found is None else "changed")

    def _found(self, ask: Callable[[], Any]) -> Any:
        """What Grafana answers; None: there is no such thing."""
        try:
            return self._asked(ask)
        except _MissingError:
            return None

    def _asked(self, ask: Callable[[], Any]) -> Any:
        try:
            answer = ask()
        except GrafanaException as error:
            raise self._explained(error) from error
        except (RequestException, OSError, ValueError) as error:
            raise GrafanaPushError(
                f"no Grafana answers at {self.url}: is it running there?"
            ) from error
        if not isinstance(answer, dict | list):
            raise GrafanaPushError(
                f"what answers at {self.url} is no Grafana: check --url, with its path if any"
            )
        return answer

    def _explained(self, error: GrafanaException) -> GrafanaPushError:
        reason = _reason(error)
        if error.status_code == 401:
            return GrafanaPushError(
                f"Grafana at {self.url} does not know the token ({reason}): make one for a service "
                "account with the role Admin"
            )
        if error.status_code == 403:
            return GrafanaPushError(
                f"Grafana at {self.url} does not let the token do that ({reason}): give its "
                "service account the role Admin"
            )
        if error.status_code == 404:
            return _MissingError(f"Grafana at {self.url} has no such thing: {reason}")
        if not error.status_code:
            return GrafanaPushError(f"no Grafana answers at {self.url}: is it running there?")
        kind = "refuses" if isinstance(error, GrafanaClientError) else "has failed at"
        return GrafanaPushError(
            f"Grafana at {self.url} {kind} what it was given ({error.status_code}: {reason})"
        )


class _MissingError(GrafanaPushError):
    """There is no such thing."""


def _is_same(found: dict[str, Any], folder: str, wanted: dict[str, Any]) -> bool:
    there = {name: value for name, value in found["dashboard"].items() if name not in _SERVERS_OWN}
    ours = {name: value for name, value in wanted.items() if name not in _SERVERS_OWN}
    return there == ours and found.get("meta", {}).get("folderUid") == folder


def _holds(found: Any, wanted: Any) -> bool:
    """Whether `found` says all that `wanted` does; Grafana adds ids and times of its own."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            _holds(found.get(name), value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(found, list)
            and len(found) == len(wanted)
            and all(_holds(one, other) for one, other in zip(found, wanted, strict=True))
        )
    return bool(found == wanted)


def _reason(error: GrafanaException) -> str:
    said = error.response.get("message") if isinstance(error.response, dict) else error.response
    return " ".join(str(said or error.message).split())[:300]
