"""The dashboards' structure, and that the committed files are what the code makes."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
import yaml
from typer.testing import CliRunner

from collector.analysis.usual import Verdict
from collector.figures.patterns import PERIODS_WEEKS
from collector.writing import CODES, Code
from dashboards.commands.dashboards_build import dashboards_build
from dashboards.grafana.alerts import GROUP, rule_group, rules_file
from dashboards.grafana.build import (
    BOARDS,
    GENERATED,
    GRID_WIDTH,
    RULES,
    DashboardsDifferError,
    check,
    rendered,
    write,
)
from dashboards.grafana.influxql import DATASOURCE_UID, TIME_ZONE
from dashboards.grafana.panels.overview import _VERDICTS
from dashboards.grafana.words import Words, words
from sensor.contract.errors import SkolroError

_PROVISIONING = GENERATED.parent / "provisioning"
_OKABE_ITO = {"#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"}
_GREY = "#8E8E8E"


_RENDERED = rendered()


@pytest.fixture(params=sorted(_RENDERED))
def dashboard(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each dashboard as Grafana reads it."""
    made: dict[str, Any] = json.loads(_RENDERED[request.param])
    return made


@pytest.fixture
def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Its panels that are no headings."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


class TestFiles:
    """What is written, and what is found out of date."""

    def test_the_committed_files_are_what_the_code_makes(self) -> None:
        check(GENERATED, RULES)

    def test_a_changed_file_is_found(self, tmp_path: Path) -> None:
        rules = tmp_path / "rules.yaml"
        path, *_ = write(tmp_path, rules)
        check(tmp_path, rules)
        path.write_text(path.read_text(encoding="utf-8").replace("Episod", "X", 1))
        with pytest.raises(DashboardsDifferError, match=r"sv/overview\.json .* run skolro"):
            check(tmp_path, rules)

    def test_changed_rules_are_found(self, tmp_path: Path) -> None:
        rules = tmp_path / "alerting/rules.yaml"
        write(tmp_path, rules)
        rules.write_text("")
        with pytest.raises(DashboardsDifferError, match=r"rules\.yaml"):
            check(tmp_path, rules)

    def test_a_missing_and_a_left_over_file_are_found(self, tmp_path: Path) -> None:
        rules = tmp_path / "rules.yaml"
        with pytest.raises(DashboardsDifferError, match=r"en/site\.json"):
            check(tmp_path, rules)
        write(tmp_path, rules)
        (tmp_path / "sites.json").write_text("{}", encoding="utf-8")
        with pytest.raises(DashboardsDifferError, match=r"sites\.json"):
            check(tmp_path, rules)

    def test_a_folder_that_cannot_be_written_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(SkolroError, match="cannot write the dashboards to"):
            write(tmp_path / "file", tmp_path / "rules.yaml")

    def test_the_command_writes_and_checks(self, tmp_path: Path) -> None:
        app = typer.Typer()
        app.command()(dashboards_build)
        runner = CliRunner()
        where = ["--out", str(tmp_path), "--rules", str(tmp_path / "rules.yaml")]
        made = runner.invoke(app, where)
        assert made.exit_code == 0, made.output
        site = tmp_path / "sv/site.json"
        assert site.read_text(encoding="utf-8") == rendered()["sv/site.json"]
        assert runner.invoke(app, [*where, "--check"]).exit_code == 0
        site.unlink()
        failed = runner.invoke(app, [*where, "--check"])
        assert isinstance(failed.exception, DashboardsDifferError)
        assert not site.exists()


class TestLayout:
    """Where panels stand."""

    def test_panel_ids_are_unique(self, dashboard: dict[str, Any]) -> None:
        ids = [panel["id"] for panel in dashboard["panels"]]
        assert len(set(ids)) == len(ids)

    def test_panels_lie_on_the_grid_and_do_not_overlap(self, dashboard: dict[str, Any]) -> None:
        cells = [_cells(panel["gridPos"]) for panel in dashboard["panels"]]
        assert all(0 <= x < GRID_WIDTH for covered in cells for x, _ in covered)
        assert not any(one & other for one, other in combinations(cells, 2))

    def test_panels_follow_their_heading(self, dashboard: dict[str, Any]) -> None:
        tops = [panel["gridPos"]["y"] for panel in dashboard["panels"] if panel["type"] == "row"]
        assert tops == sorted(tops)
        assert tops[0] == 0
        for panel in dashboard["panels"]:
            place = panel["gridPos"]
            inside = [top for top in tops if place["y"] < top < place["y"] + place["h"]]
            assert not inside, panel["title"]


def _cells(place: dict[str, int]) -> set[tuple[int, int]]:
    return {
        (x, y)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    }


class TestSources:
    """What panels and variables ask, and whom."""

    def test_everything_asks_the_provisioned_data_source(
        self, dashboard: dict[str, Any], panels: list[dict[str, Any]]
    ) -> None:
        wanted = {"type": "influxdb", "uid": DATASOURCE_UID}
        for panel in panels:
            assert panel["datasource"] == wanted
            assert panel["targets"]
            assert all(target["datasource"] == wanted for target in panel["targets"])
        asked = [one for one in dashboard["templating"]["list"] if one["type"] == "query"]
        assert asked
        assert all(one["datasource"] == wanted for one in asked)
        for annotation in dashboard["annotations"].get("list", []):
            assert annotation["datasource"] == annotation["target"]["datasource"] == wanted
        sources = yaml.safe_load((_PROVISIONING / "datasources/skolro.yaml").read_text())
        assert [(one["type"], one["uid"]) for one in sources["datasources"]] == [
            ("influxdb", DATASOURCE_UID)
        ]

    def test_targets_of_a_panel_are_told_apart(self, panels: list[dict[str, Any]]) -> None:
        for panel in panels:
            references = [target["refId"] for target in panel["targets"]]
            assert len(set(references)) == len(references)

    def test_variables_are_used_and_those_that_are_used_are_there(
        self, dashboard: dict[str, Any]
    ) -> None:
        defined = [variable["name"] for variable in dashboard["templating"]["list"]]
        assert len(set(defined)) == len(defined)
        asked = [target["query"] for panel in dashboard["panels"] for target in _targets(panel)]
        asked += [one["target"]["query"] for one in dashboard["annotations"].get("list", [])]
        asked += [one["query"] for one in dashboard["templating"]["list"] if one["type"] == "query"]
        used = {name for query in asked for name in re.findall(r"\$\{(\w+):", query)}
        assert used == set(defined)

    def test_only_variables_macros_and_ends_begin_with_a_dollar(
        self, panels: list[dict[str, Any]]
    ) -> None:
        for panel in panels:
            for target in panel["targets"]:
                found = set(re.findall(r"\$[\w{/]*", target["query"]))
                assert all(
                    re.fullmatch(r"\$/|\$\{\w+|\$timeFilter|\$__interval(_ms)?", one)
                    for one in found
                ), target["query"]

    def test_every_query_keeps_to_the_chosen_sites(self, panels: list[dict[str, Any]]) -> None:
        for panel in panels:
            for target in panel["targets"]:
                assert "${site:regex}" in target["query"], panel["title"]

    def test_measured_and_simulated_are_never_mixed(self, panels: list[dict[str, Any]]) -> None:
        for panel in panels:
            for target in panel["targets"]:
                query = target["query"]
                apart = (
                    "${origin:raw}" in query
                    or '"node"' in query  # a node is the one or the other
                    or "'simulated'" in query
                    or '"guideline"' in query
                    or '"patrol"' in query
                )
                assert apart, query

    def test_patrols_are_annotated_with_their_ends(self, dashboard: dict[str, Any]) -> None:
        found = dashboard["annotations"].get("list", [])
        wanted = dashboard["uid"].startswith(("skolro-site", "skolro-effect"))
        assert len(found) == int(wanted)
        for annotation in found:
            target = annotation["target"]
            for column in ("textColumn", "tagsColumn", "timeEndColumn"):
                assert f'"{target[column]}"' in target["query"]


def _targets(panel: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = panel.get("targets", [])
    return found


class TestTexts:
    """What people read."""

    def test_both_languages_have_the_same_keys_and_no_text_is_empty(self) -> None:
        assert words("sv").known() == words("en").known()
        for code in CODES:
            assert all(words(code)(key).strip() for key in words(code).known())

    def test_all_texts_are_used_and_no_other_is_asked_for(self) -> None:
        used: set[str] = set()
        for code in CODES:
            fresh = _Recording(code)
            for board in BOARDS.values():
                for row in board.rows:
                    for panel, _, _ in row.panels:
                        panel(fresh)
            used |= fresh.asked
        of_panels = {
            key for key in words("sv").known() if key.startswith(("panel.", "column.", "verdict."))
        }
        assert of_panels == {key for key in used if key in of_panels}

    def test_every_panel_says_what_it_answers(self, panels: list[dict[str, Any]]) -> None:
        titles = [panel["title"] for panel in panels]
        assert all(titles)
        for panel in panels:
            assert len(panel["description"]) > 20, panel["title"]
            assert panel["description"].endswith("."), panel["title"]

    def test_every_panel_has_units(self, panels: list[dict[str, Any]]) -> None:
        for panel in panels:
            overrides = panel["fieldConfig"]["overrides"]
            if panel["type"] == "table" and "unit" not in panel["fieldConfig"]["defaults"]:
                units = [one for one in overrides if _has(one, "unit")]
                assert units, panel["title"]
            else:
                assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]

    def test_every_column_of_a_table_has_a_heading_or_is_hidden(
        self, panels: list[dict[str, Any]]
    ) -> None:
        for panel in panels:
            if panel["type"] != "table":
                continue
            named = {
                one["matcher"]["options"]
                for one in panel["fieldConfig"]["overrides"]
                if _has(one, "displayName") or _has(one, "custom.hidden")
            }
            for target in panel["targets"]:
                assert _columns(target["query"]) <= named, panel["title"]

    def test_swedish_is_the_default_and_has_the_plain_addresses(self) -> None:
        assert CODES[0] == "sv"
        for name in BOARDS:
            swedish, english = (json.loads(_RENDERED[f"{code}/{name}.json"]) for code in CODES)
            assert (swedish["uid"], english["uid"]) == (f"skolro-{name}", f"skolro-{name}-en")
            queries = [
                [target["query"] for panel in made["panels"] for target in _targets(panel)]
                for made in (swedish, english)
            ]
            assert queries[0] == queries[1]

    def test_every_verdict_and_period_has_a_word(self) -> None:
        assert set(_VERDICTS) == set(get_args(Verdict))
        for code in CODES:
            for number in PERIODS_WEEKS:
                assert str(number) in words(code)(f"weeks.{number}")


def _has(override: dict[str, Any], name: str) -> bool:
    return any(prop["id"] == name for prop in override["properties"])


def _columns(query: str) -> set[str]:
    """What a query for a table answers with: its columns, the tags it groups by, and the time."""
    head = query.removeprefix("SELECT ").split(" FROM ")[0]
    head = re.sub(r'top\(("rate", [^)]*)\)', r'"top", \1', head).replace('"rate", ', "")
    head = re.sub(r', 20(?=[",])', "", head)
    found = {
        column.split(" AS ")[-1].strip(' "') for column in re.sub(r"\([^)]*\)", "", head).split(",")
    }
    grouped = re.search(r"GROUP BY ([^()]*?)(?: fill| ORDER|$)", query)
    tags = {tag.strip(' "') for tag in grouped[1].split(",")} if grouped else set()
    return {name for name in found | tags | {"Time"} if not name.isdecimal()}


class _Recording(Words):
    """Words that note which of them are asked for."""

    def __init__(self, code: Code) -> None:
        super().__init__(code)
        self.asked: set[str] = set()

    def __call__(self, key: str) -> str:
        self.asked.add(key)
        return super().__call__(key)


class TestLook:
    """Colours, time and links."""

    def test_the_colour_blind_can_tell_the_colours_apart(
        self, panels: list[dict[str, Any]]
    ) -> None:
        for panel in panels:
            found = set(re.findall(r"#[0-9A-Fa-f]{6}", json.dumps(panel)))
            assert found <= _OKABE_ITO | {_GREY}, panel["title"]
            # No green beside red, as Grafana has by itself.
            steps = panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", [])
            assert all(step["color"].startswith("#") for step in steps), panel["title"]

    def test_it_is_shown_in_local_time_and_weeks_begin_on_monday(
        self, dashboard: dict[str, Any]
    ) -> None:
        assert (dashboard["timezone"], dashboard["weekStart"]) == (TIME_ZONE, "monday")

    def test_links_lead_to_dashboards_of_the_same_language_and_choose_what_is_there(
        self, dashboard: dict[str, Any]
    ) -> None:
        made = {
            (one := json.loads(text))["uid"]: {v["name"] for v in one["templating"]["list"]}
            for text in _RENDERED.values()
        }
        english = dashboard["uid"].endswith("-en")
        own = {variable["name"] for variable in dashboard["templating"]["list"]}
        for url in re.findall(r'"url": "([^"]+)"', json.dumps(dashboard)):
            match = re.match(r"/d/([\w-]+)\?", url)
            assert match is not None, url
            assert match[1] in made
            assert match[1].endswith("-en") == english
            chosen = set(re.findall(r"var-(\w+)=", url))
            handed_on = set(re.findall(r"\$\{(\w+):queryparam\}", url))
            assert chosen | handed_on <= made[match[1]]
            assert handed_on <= own

    def test_each_cell_of_the_heat_map_leads_to_its_events(self) -> None:
        board = json.loads(_RENDERED["sv/patterns.json"])
        (panel,) = (p for p in board["panels"] if p["title"] == "Episoder per timme på veckan")
        links = {
            one["matcher"]["options"]: prop["value"][0]["url"]
            for one in panel["fieldConfig"]["overrides"]
            for prop in one["properties"]
            if prop["id"] == "links"
        }
        assert links.keys() == {str(day) for day in range(1, 8)}
        for day, url in links.items():
            assert f"var-weekday={day}&var-hour=${{__data.fields.hour}}" in url
            assert "from=now-${weeks:raw}w&to=now" in url
        (behind,) = (p for p in board["panels"] if p["title"] == "Händelser")
        (target,) = behind["targets"]
        assert "${weekday:regex}" in target["query"]
        assert "${hour:regex}" in target["query"]


class TestProvisioning:
    """What Grafana is started with."""

    def test_dashboards_are_provisioned_from_the_generated_files(self) -> None:
        text = (_PROVISIONING / "dashboards/skolro.yaml").read_text(encoding="utf-8")
        providers = yaml.safe_load(text)["providers"]
        assert [(one["folder"], one["options"]["path"]) for one in providers] == [
            (words(code)("folder"), f"/var/lib/grafana/dashboards/{code}") for code in CODES
        ]
        assert all(one["type"] == "file" for one in providers)

    def test_alert_rules_are_as_grafana_reads_them(self) -> None:
        (group,) = yaml.safe_load(rules_file())["groups"]
        assert (group["name"], group["folder"], group["interval"]) == (GROUP, "Skolro", "60s")
        assert [rule["uid"] for rule in group["rules"]] == [
            "skolro-node-silent", "skolro-dead-microphone", "skolro-episode-under-way",
        ]  # fmt: skip
        for rule in group["rules"]:
            assert _is_a_chain(rule["data"], rule["condition"])
            assert rule["noDataState"] in {"OK", "Alerting", "NoData"}
            assert rule["annotations"]["dashboard"].removeprefix("/d/") in {
                json.loads(text)["uid"] for text in _RENDERED.values()
            }
        # Grafana would look for it in its environment.
        assert "$" not in rules_file()

    def test_the_api_is_given_the_same_rules(self) -> None:
        (group,) = yaml.safe_load(rules_file())["groups"]
        pushed = rule_group("skolro")
        assert pushed["interval"] == 60
        for one, other in zip(group["rules"], pushed["rules"], strict=True):
            added = {"orgID": 1, "folderUID": "skolro", "ruleGroup": GROUP}
            assert other == one | added


def _is_a_chain(data: list[dict[str, Any]], condition: str) -> bool:
    """Whether each expression takes what stands before it, and the last one decides."""
    known: set[str] = set()
    for step in data:
        expression = step["model"].get("expression")
        assert step["model"]["refId"] == step["refId"]
        if step["datasourceUid"] == "__expr__":
            assert expression in known
        else:
            assert step["datasourceUid"] == DATASOURCE_UID
        known.add(step["refId"])
    return bool(data[-1]["refId"] == condition)
