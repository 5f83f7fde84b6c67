"""A small HTTP server that speaks the few routes of Grafana's API that are pushed to, strictly.

As documented for Grafana 12: https://grafana.com/docs/grafana/latest/developers/http_api/ (folder,
dashboard, data source, alerting provisioning). It keeps what it is given, counts versions, and
refuses what Grafana would: no or another token, bodies of another shape, folders and data sources
that are not there, titles and ids that are taken.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

TOKEN: Final = "glsa_tests_only"  # noqa: S105 - of no Grafana

_FOLDER: Final = {"uid", "title", "parentUid"}
_SAVED: Final = {"dashboard", "folderUid", "message", "overwrite"}
_SOURCE: Final = {
    "uid", "name", "type", "access", "url", "user", "database", "basicAuth", "isDefault",
    "jsonData", "secureJsonData", "id", "orgId", "version",
}  # fmt: skip
_RULE_NEEDS: Final = {
    "uid", "title", "condition", "data", "folderUID", "ruleGroup", "orgID", "noDataState",
    "execErrState", "for",
}  # fmt: skip
_RULE_MAY: Final = {"labels", "annotations", "isPaused"}
_UID: Final = re.compile(r"[\w-]{1,40}")


class RefusedError(Exception):
    """What Grafana answers with another status than 200."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass
class State:
    """What the Grafana holds, and the requests that changed something."""

    token: str = TOKEN
    prefix: str = ""
    may_write: bool = True
    has_alerting: bool = True
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


class FakeGrafana:
    """Answers requests from `state`."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._routes: list[tuple[str, str, Callable[..., Any]]] = [
            ("GET", r"/api/folders/([^/]+)", self._get_folder),
            ("POST", r"/api/folders", self._make_folder),
            ("PUT", r"/api/folders/([^/]+)", self._change_folder),
            ("GET", r"/api/dashboards/uid/([^/]+)", self._get_dashboard),
            ("POST", r"/api/dashboards/db", self._save_dashboard),
            ("GET", r"/api/datasources/uid/([^/]+)", self._get_source),
            ("POST", r"/api/datasources", self._make_source),
            ("PUT", r"/api/datasources/uid/([^/]+)", self._change_source),
            ("GET", r"/api/v1/provisioning/alert-rules", self._get_rules),
            ("GET", r"/api/v1/provisioning/folder/([^/]+)/rule-groups/([^/]+)", self._get_group),
            ("PUT", r"/api/v1/provisioning/folder/([^/]+)/rule-groups/([^/]+)", self._put_group),
        ]

    def answer(self, method: str, path: str, authorization: str, body: Any) -> Any:
        """Return what is answered; :class:`RefusedError` with which status else."""
        if authorization != f"Bearer {self.state.token}":
            raise RefusedError(401, "Invalid API key")
        path = path.removeprefix(self.state.prefix)
        for allowed, pattern, handle in self._routes:
            match = re.fullmatch(pattern, path)
            if match and allowed == method:
                if method != "GET" and not self.state.may_write:
                    raise RefusedError(403, "You'll need additional permissions")
                answer = handle(*match.groups(), *([] if method == "GET" else [body]))
                if method != "GET":
                    self.state.changes.append(f"{method} {path}")
                return answer
        raise RefusedError(404, "Not found")

    def _get_folder(self, uid: str) -> Any:
        return _known(self.state.folders, uid, "folder not found")

    def _make_folder(self, body: Any) -> Any:
        _require_keys(body, _FOLDER, needs={"title"})
        uid = body.get("uid", f"f{len(self.state.folders)}")
        if uid in self.state.folders:
            raise RefusedError(409, "a folder with that uid already exists")
        _require(_UID.fullmatch(uid), "uid contains illegal characters or is too long")
        made = {"id": len(self.state.folders) + 1, "uid": uid, "title": body["title"], "version": 1}
        self.state.folders[uid] = made
        return made

    def _change_folder(self, uid: str, body: Any) -> Any:
        found = _known(self.state.folders, uid, "folder not found")
        _require_keys(body, {"title", "version", "overwrite"}, needs={"title"})
        if not body.get("overwrite") and body.get("version") != found["version"]:
            raise RefusedError(412, "the folder has been changed by someone else")
        found |= {"title": body["title"], "version": found["version"] + 1}
        return found

    def _get_dashboard(self, uid: str) -> Any:
        return _known(self.state.dashboards, uid, "Dashboard not found")

    def _save_dashboard(self, body: Any) -> Any:
        _require_keys(body, _SAVED, needs={"dashboard"})
        model, folder = body["dashboard"], body.get("folderUid", "")
        _require(isinstance(model, dict) and model.get("title"), "Dashboard title cannot be empty")
        _require(_UID.fullmatch(model.get("uid") or ""), "uid contains illegal characters")
        _require(model.get("id") is None, "the id of a dashboard is the server's")
        if folder not in self.state.folders:
            raise RefusedError(400, "folder not found")
        before = self.state.dashboards.get(model["uid"])
        if before and before["meta"].get("provisioned"):
            raise RefusedError(400, "Cannot save provisioned dashboard")
        for uid, other in self.state.dashboards.items():
            same = other["dashboard"]["title"] == model["title"]
            if same and uid != model["uid"] and other["meta"]["folderUid"] == folder:
                raise RefusedError(412, "A dashboard with the same name already exists")
        version = before["dashboard"]["version"] if before else 0
        if before and not body.get("overwrite") and model.get("version") != version:
            raise RefusedError(412, "The dashboard has been changed by someone else")
        number = before["dashboard"]["id"] if before else len(self.state.dashboards) + 1
        self.state.dashboards[model["uid"]] = {
            "dashboard": {**model, "id": number, "version": version + 1},
            "meta": {"folderUid": folder, "provisioned": False},
        }
        return {"id": number, "uid": model["uid"], "status": "success", "version": version + 1}

    def _get_source(self, uid: str) -> Any:
        found = _known(self.state.sources, uid, "Data source not found")
        # Secrets are never told.
        told = {name: value for name, value in found.items() if name != "secureJsonData"}
        given = found.get("secureJsonData", {})
        return {**told, "secureJsonFields": dict.fromkeys(given, True)}

    def _make_source(self, body: Any) -> Any:
        _require_keys(body, _SOURCE, needs={"name", "type", "access"})
        taken = body["name"] in {one["name"] for one in self.state.sources.values()}
        if taken or body["uid"] in self.state.sources:
            raise RefusedError(409, "data source with the same name already exists")
        made = {**body, "id": len(self.state.sources) + 1, "readOnly": False, "version": 1}
        self.state.sources[body["uid"]] = made
        return {"datasource": made, "id": made["id"], "message": "Datasource added"}

    def _change_source(self, uid: str, body: Any) -> Any:
        found = _known(self.state.sources, uid, "Data source not found")
        _require_keys(body, _SOURCE, needs={"name", "type", "access"})
        if found["readOnly"]:
            raise RefusedError(403, "Cannot update read-only data source")
        self.state.sources[uid] = {**found, **body, "version": found["version"] + 1}
        return {"datasource": self.state.sources[uid], "message": "Datasource updated"}

    def _get_rules(self) -> Any:
        self._require_alerting()
        return [rule for group in self.state.groups.values() for rule in group["rules"]]

    def _get_group(self, folder: str, name: str) -> Any:
        self._require_alerting()
        return _known(self.state.groups, (folder, name), "rule group not found")

    def _put_group(self, folder: str, name: str, body: Any) -> Any:
        self._require_alerting()
        _known(self.state.folders, folder, "folder does not exist")
        _require_keys(body, {"title", "folderUid", "interval", "rules"}, needs={"interval"})
        _require((body["title"], body["folderUid"]) == (name, folder), "it names another group")
        _require(
            isinstance(body["interval"], int) and body["interval"] % 10 == 0,
            "interval must be divisible by 10 seconds",
        )
        for rule in body["rules"]:
            self._require_rule(rule, folder, name)
        numbered = [{**rule, "id": n} for n, rule in enumerate(body["rules"], start=1)]
        self.state.groups[folder, name] = {**body, "rules": numbered}
        return self.state.groups[folder, name]

    def _require_rule(self, rule: Any, folder: str, name: str) -> None:
        _require_keys(rule, _RULE_NEEDS | _RULE_MAY, needs=_RULE_NEEDS)
        _require((rule["folderUID"], rule["ruleGroup"]) == (folder, name), "of another group")
        _require(re.fullmatch(r"\d+[smh]", rule["for"]), "for is no duration")
        _require(rule["noDataState"] in {"OK", "NoData", "Alerting", "KeepLast"}, "noDataState")
        _require(rule["execErrState"] in {"OK", "Error", "Alerting", "KeepLast"}, "execErrState")
        for step in rule["data"]:
            _require_keys(
                step,
                {"refId", "relativeTimeRange", "datasourceUid", "model", "queryType"},
                needs={"refId", "datasourceUid", "model"},
            )
            there = step["datasourceUid"] in {"__expr__", *self.state.sources}
            _require(there, "data source not found")
            if step["datasourceUid"] != "__expr__":
                span = step["relativeTimeRange"]
                _require(span["from"] > span["to"] >= 0, "an empty time range")
        references = [step["refId"] for step in rule["data"]]
        _require(rule["condition"] in references, "condition does not exist")
        _require(len(set(references)) == len(references), "refId is not unique")

    def _require_alerting(self) -> None:
        if not self.state.has_alerting:
            raise RefusedError(404, "Not found")


def _known(things: dict[Any, dict[str, Any]], key: Any, message: str) -> dict[str, Any]:
    if key not in things:
        raise RefusedError(404, message)
    return things[key]


def _require(holds: object, message: str) -> None:
    if not holds:
        raise RefusedError(400, message)


def _require_keys(body: Any, allowed: set[str], needs: set[str]) -> None:
    _require(isinstance(body, dict), "bad request data")
    _require(body.keys() <= allowed, f"unknown {sorted(body.keys() - allowed)}")
    _require(body.keys() >= needs, f"missing {sorted(needs - body.keys())}")


@contextmanager
def serving(state: State) -> Iterator[str]:
    """Yield the address of a Grafana that holds `state`."""
    grafana = FakeGrafana(state)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._handle()

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
            """Say nothing."""

        def _handle(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            state.headers.append(dict(self.headers.items()))
            status, answer = 200, None
            try:
                _require(
                    not raw or self.headers.get_content_type() == "application/json",
                    "the body is no JSON",
                )
                body = json.loads(raw) if raw else None
                answer = grafana.answer(
                    self.command, self.path, self.headers.get("Authorization", ""), body
                )
            except RefusedError as refused:
                status, answer = refused.status, {"message": refused.message}
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{state.prefix}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
