"""The dashboards' structure, and that the committed files are what the code makes."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

from dashboards.commands.dashboards_build import dashboards_build
from dashboards.grafana.build import (
    GENERATED,
    GRID_WIDTH,
    DashboardsDifferError,
    check,
    rendered,
    write,
)
from dashboards.grafana.influxql import DATASOURCE_UID, TIME_ZONE
from sensor.contract.errors import SkolroError

_PROVISIONING = GENERATED.parent / "provisioning"


@pytest.fixture(params=sorted(rendered()))
def dashboard(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each dashboard as Grafana reads it."""
    made: dict[str, Any] = json.loads(rendered()[request.param])
    return made


@pytest.fixture
def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Its panels that are no headings."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def test_the_committed_files_are_what_the_code_makes() -> None:
    check(GENERATED)


def test_a_changed_file_is_found(tmp_path: Path) -> None:
    (path,) = write(tmp_path)
    check(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace("Mätnod", "Nod", 1), encoding="utf-8")
    with pytest.raises(DashboardsDifferError, match=r"sites\.json .* run skolro dashboards build"):
        check(tmp_path)


def test_a_missing_and_a_left_over_file_are_found(tmp_path: Path) -> None:
    with pytest.raises(DashboardsDifferError, match=r"sites\.json"):
        check(tmp_path)
    write(tmp_path)
    (tmp_path / "old.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DashboardsDifferError, match=r"old\.json"):
        check(tmp_path)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SkolroError, match="cannot write the dashboards to"):
        write(tmp_path / "file")


def test_the_command_writes_and_checks(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(dashboards_build)
    runner = CliRunner()
    made = runner.invoke(app, ["--out", str(tmp_path)])
    assert made.exit_code == 0, made.output
    assert (tmp_path / "sites.json").read_text(encoding="utf-8") == rendered()["sites.json"]
    assert runner.invoke(app, ["--out", str(tmp_path), "--check"]).exit_code == 0
    (tmp_path / "sites.json").unlink()
    failed = runner.invoke(app, ["--out", str(tmp_path), "--check"])
    assert isinstance(failed.exception, DashboardsDifferError)
    assert not (tmp_path / "sites.json").exists()


def test_panel_ids_are_unique(dashboard: dict[str, Any]) -> None:
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)


def test_panels_lie_on_the_grid_and_do_not_overlap(dashboard: dict[str, Any]) -> None:
    cells = [_cells(panel["gridPos"]) for panel in dashboard["panels"]]
    assert all(0 <= x < GRID_WIDTH for covered in cells for x, _ in covered)
    assert not any(one & other for one, other in combinations(cells, 2))


def _cells(place: dict[str, int]) -> set[tuple[int, int]]:
    return {
        (x, y)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    }


def test_every_panel_asks_the_provisioned_data_source(
    dashboard: dict[str, Any], panels: list[dict[str, Any]]
) -> None:
    wanted = {"type": "influxdb", "uid": DATASOURCE_UID}
    for panel in panels:
        assert panel["datasource"] == wanted
        assert panel["targets"]
        assert all(target["datasource"] == wanted for target in panel["targets"])
    assert all(one["datasource"] == wanted for one in dashboard["templating"]["list"])
    sources = yaml.safe_load((_PROVISIONING / "datasources/skolro.yaml").read_text())
    assert [(one["type"], one["uid"]) for one in sources["datasources"]] == [
        ("influxdb", DATASOURCE_UID)
    ]


def test_targets_of_a_panel_are_told_apart(panels: list[dict[str, Any]]) -> None:
    for panel in panels:
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references)


def test_titles_and_descriptions_are_swedish_and_english(
    dashboard: dict[str, Any], panels: list[dict[str, Any]]
) -> None:
    for panel in dashboard["panels"]:
        assert " / " in panel["title"], panel["title"]
    for panel in panels:
        assert " / " in panel["description"], panel["title"]
    for variable in dashboard["templating"]["list"]:
        assert " / " in variable["label"]


def test_every_panel_has_a_unit(panels: list[dict[str, Any]]) -> None:
    for panel in panels:
        if panel["type"] == "table":
            overrides = panel["fieldConfig"]["overrides"]
            properties = {prop["id"] for one in overrides for prop in one["properties"]}
            assert {"unit", "displayName"} <= properties
        else:
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


def test_it_is_shown_in_local_time_and_weeks_begin_on_monday(dashboard: dict[str, Any]) -> None:
    assert (dashboard["timezone"], dashboard["weekStart"]) == (TIME_ZONE, "monday")


def test_every_query_obeys_the_variables_and_the_period(
    dashboard: dict[str, Any], panels: list[dict[str, Any]]
) -> None:
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert variables == {"site", "node", "source"}
    for panel in panels:
        for target in panel["targets"]:
            query = target["query"]
            assert "$timeFilter" in query
            assert "${site:regex}" in query
            assert "${node:regex}" in query
            assert ("${source:regex}" in query) == ('FROM "event"' in query)


def test_dashboards_are_provisioned_from_the_generated_files() -> None:
    text = (_PROVISIONING / "dashboards/skolro.yaml").read_text(encoding="utf-8")
    (provider,) = yaml.safe_load(text)["providers"]
    assert provider["type"] == "file"
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"
