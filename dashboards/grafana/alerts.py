"""Alert rules for Grafana: a node that is silent, one that is deaf, an episode under way.

In the form that files are provisioned with and, as :func:`rule_group`, in that of Grafana's HTTP
API. Whom to tell is for Grafana's own contact points. The text is Swedish, with English beside it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from collector.outputs.derived import EPISODE, NODE_STATUS
from collector.outputs.measurements import MEASURED
from dashboards.grafana.influxql import DATASOURCE_UID, JUST_NOW, quoted, select
from dashboards.grafana.links import uid
from dashboards.grafana.words import words

GROUP: Final = "skolro"
INTERVAL_S: Final = 60
SILENT_S: Final = 900
DEAF_FOR_S: Final = 300
UNDER_WAY_S: Final = 1800
"""An episode that began within so long ago may still be under way; it is known for one only after
some passes."""

# No $timeFilter: in these files Grafana takes some of what begins with $ for the environment.
_UNDER_WAY: Final = f"time > now() - {UNDER_WAY_S}s"

_MEASURED: Final = f"\"origin\" = '{MEASURED}'"
_EXPRESSION: Final = "__expr__"
_NODES: Final = quoted("site", "node")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule.

    Attributes
    ----------
    name : str
        Of its texts, and in its lasting id.
    query : str
        Gives a series for each thing that may be wrong.
    over_s : int
        How far back it looks.
    limit : tuple of (str, float)
        When its last value is a fault: ``gt`` or ``lt``, and than what.
    lasting_s : int
        For how long it must be.
    silence_is_fault : bool
        Whether no answer at all means that something is wrong.
    board : str
        The dashboard that shows more.
    severity : str
    """

    name: str
    query: str
    over_s: int
    limit: tuple[str, float]
    lasting_s: int
    silence_is_fault: bool
    board: str
    severity: str


RULES: Final = (
    Rule(
        name="node_silent",
        query=select('last("silent_s")', NODE_STATUS, _MEASURED, JUST_NOW, group_by=_NODES),
        over_s=600,
        limit=("gt", SILENT_S),
        lasting_s=0,
        # The collector itself writes these each minute: without any, it is what is silent.
        silence_is_fault=True,
        board="fleet",
        severity="warning",
    ),
    Rule(
        name="dead_microphone",
        query=select('last("microphone_ok")', NODE_STATUS, _MEASURED, JUST_NOW, group_by=_NODES),
        over_s=600,
        limit=("lt", 1),
        lasting_s=DEAF_FOR_S,
        silence_is_fault=False,
        board="fleet",
        severity="warning",
    ),
    Rule(
        name="episode_under_way",
        query=select('count("passes")', EPISODE, _MEASURED, _UNDER_WAY, group_by='"site"'),
        over_s=UNDER_WAY_S,
        limit=("gt", 0),
        lasting_s=0,
        silence_is_fault=False,
        board="site",
        severity="info",
    ),
)


def rules_file() -> str:
    """The file that Grafana is provisioned with: JSON, which is YAML as well."""
    group = {
        "orgId": 1,
        "name": GROUP,
        "folder": words("sv")("folder"),
        "interval": f"{INTERVAL_S}s",
        "rules": [_provisioned(rule) for rule in RULES],
    }
    document = {"apiVersion": 1, "groups": [group]}
    head = "# Made by skolro dashboards build; JSON, which is YAML as well.\n"
    return head + json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def rule_group(folder_uid: str) -> dict[str, Any]:
    """The same for ``PUT /api/v1/provisioning/folder/:folderUid/rule-groups/:group``."""
    rules = []
    for rule in RULES:
        made = _provisioned(rule)
        made |= {"orgID": 1, "folderUID": folder_uid, "ruleGroup": GROUP}
        rules.append(made)
    return {"title": GROUP, "folderUid": folder_uid, "interval": INTERVAL_S, "rules": rules}


def _provisioned(rule: Rule) -> dict[str, Any]:
    swedish, english = words("sv"), words("en")
    key = f"alert.{rule.name}"
    comparison, limit = rule.limit
    return {
        "uid": f"skolro-{rule.name.replace('_', '-')}",
        "title": swedish(f"{key}.title"),
        "condition": "C",
        "data": [
            {
                "refId": "A",
                "relativeTimeRange": {"from": rule.over_s, "to": 0},
                "datasourceUid": DATASOURCE_UID,
                "model": {
                    "refId": "A",
                    "query": rule.query,
                    "rawQuery": True,
                    "resultFormat": "time_series",
                    "intervalMs": 1000,
                    "maxDataPoints": 43200,
                },
            },
            _computed("B", {"type": "reduce", "reducer": "last", "expression": "A"}),
            _computed(
                "C",
                {
                    "type": "threshold",
                    "expression": "B",
                    "conditions": [{"evaluator": {"type": comparison, "params": [limit]}}],
                },
            ),
        ],
        "noDataState": "Alerting" if rule.silence_is_fault else "OK",
        "execErrState": "Error",
        "for": f"{rule.lasting_s}s",
        "isPaused": False,
        "labels": {"app": "skolro", "severity": rule.severity},
        "annotations": {
            "summary": swedish(f"{key}.summary"),
            "description": f"{swedish(f'{key}.description')} / {english(f'{key}.description')}",
            "dashboard": f"/d/{uid(rule.board, swedish)}",
        },
    }


def _computed(ref_id: str, model: dict[str, Any]) -> dict[str, Any]:
    return {
        "refId": ref_id,
        "relativeTimeRange": {"from": 0, "to": 0},
        "datasourceUid": _EXPRESSION,
        "model": {"refId": ref_id, **model},
    }
