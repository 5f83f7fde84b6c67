"""The demo's folder: who is simulated, and the configurations that the parts are started with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from collector.evidence.authority_key import make_key
from deploy.town.terms import calendar_toml, usual_calendar
from deploy.town.town import SITES as TOWN_SITES

SITES = TOWN_SITES[:2]
"""Two schools that do not exist."""

DISTANCE_M = 7.0
BACK_M = 10.0
SPACING_M = 0.3
MIC_HEIGHT_M = 2.5

EVIDENCE_KEY = "evidence.key"

Table = Mapping[str, str | int | float | bool | list[str]]


@dataclass(frozen=True, slots=True)
class DemoNode:
    """A node of the demo.

    Attributes
    ----------
    name, site : str
        Its id, and where it hangs.
    seed : int
        Of all that is simulated of it.
    source : mapping, optional
        Its ``[input]`` where that is real; else a street is simulated.
    """

    name: str
    site: str
    seed: int
    source: Table | None = None

    @property
    def simulated(self) -> bool:
        """Whether nothing of what it hears ever sounded."""
        return self.source is None


def demo_nodes(source: Table | None = None) -> list[DemoNode]:
    """The three nodes at two schools; `source` takes the first one's place when given."""
    return [
        DemoNode("ekskolan-1", "ekskolan", 1, source),
        DemoNode("ekskolan-2", "ekskolan", 2),
        DemoNode("askolan-1", "askolan", 3),
    ]


class DemoFolder:
    """Where a demo keeps everything.

    Parameters
    ----------
    path : Path
        The folder; made when missing.
    http_port : int
        Where the page is to be.
    influxdb_url : str, optional
        An InfluxDB that is fed too.
    """

    def __init__(self, path: Path, http_port: int, influxdb_url: str | None = None) -> None:
        self.path = path
        self.http_port = http_port
        self._influxdb_url = influxdb_url

    @property
    def collector_toml(self) -> Path:
        """The collector's configuration."""
        return self.path / "collector.toml"

    @property
    def calendar_toml(self) -> Path:
        """The schools' terms and breaks."""
        return self.path / "school_calendar.toml"

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.http_port}/"

    def node_toml(self, node: DemoNode) -> Path:
        """A node's configuration."""
        return self.path / f"{node.name}.toml"

    def data_dir(self, node: DemoNode) -> Path:
        """Where a node keeps its key and its outbox."""
        return self.path / "nodes" / node.name

    def log(self, name: str) -> Path:
        """Where a child's output goes."""
        return self.path / "logs" / f"{name}.log"

    def write(self, nodes: list[DemoNode], broker_port: int) -> None:
        """Write the configurations of the collector and of all nodes."""
        broker: Table = {"host": "127.0.0.1", "port": broker_port}
        tables: dict[str, Table] = {
            "": {"ledger": "sqlite:///ledger.sqlite", "calendar": self.calendar_toml.name},
            "broker": broker,
            "http": {"host": "127.0.0.1", "port": self.http_port},
            "page": {"municipality": "Havsbro"},
            "evidence": {"authority": "Havsbro (demo)", "key_file": EVIDENCE_KEY},
        }
        if self._influxdb_url is not None:
            tables["influxdb"] = {"url": self._influxdb_url}
        today = datetime.now(UTC).date()
        self.calendar_toml.write_text(calendar_toml(usual_calendar(today, today)), encoding="utf-8")
        self.collector_toml.write_text(toml(tables), encoding="utf-8")
        if not (self.path / EVIDENCE_KEY).exists():
            make_key(self.path / EVIDENCE_KEY)
        for node in nodes:
            self.node_toml(node).write_text(toml(self._node(node, broker)), encoding="utf-8")

    def _node(self, node: DemoNode, broker: Table) -> dict[str, Table]:
        tables: dict[str, Table] = {
            "": {"node": node.name, "data_dir": str(self.data_dir(node).resolve()), "health_s": 60},
            "broker": broker,
        }
        if node.source is not None:
            return {**tables, "input": node.source}
        return {
            **tables,
            "input": {
                "kind": "street",
                "seed": node.seed,
                "channels": 2,
                "spacing_m": SPACING_M,
                "mic_height_m": MIC_HEIGHT_M,
                "distance_m": DISTANCE_M,
            },
            "mounting": {
                "distance_m": DISTANCE_M,
                "distance_back_m": BACK_M,
                "spacing_m": SPACING_M,
                "mic_height_m": MIC_HEIGHT_M,
                "temperature_c": 15.0,
            },
        }


def toml(tables: Mapping[str, Table]) -> str:
    """TOML of one level of tables; a JSON string or number is one of TOML too."""
    parts = []
    for name, table in tables.items():
        head = f"[{name}]\n" if name else ""
        lines = (
            f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in table.items()
        )
        parts.append(head + "".join(lines))
    return "\n".join(parts)
