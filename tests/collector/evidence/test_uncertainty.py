"""Uncertainty budgets follow what is known of a place."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pikepdf
import pytest
import typer
from msgspec.structs import replace
from typer.testing import CliRunner

from collector.commands.evidence_method import evidence_method
from collector.errors import RegistryError
from collector.evidence import uncertainty
from collector.evidence.document.typeset import typeset_method
from collector.evidence.excerpt import Excerpt, Mounting
from collector.evidence.language import language
from collector.evidence.method import described, method_of
from collector.evidence.uncertainty import level_budget, speed_budget
from sensor.passby import geometry
from sensor.passby.geometry import Geometry
from tests.collector.evidence.places import END, Place, check


@pytest.fixture
def registry(place: Place) -> Excerpt:
    return method_of(place.engine, place.registry.inventory(), "ekskolan", END).registry


def hung(registry: Excerpt, mounting: Mounting) -> Excerpt:
    """As if all nodes hung like that."""
    nodes = tuple(
        replace(node, placements=tuple(replace(p, mounting=mounting) for p in node.placements))
        for node in registry.nodes
    )
    return replace(registry, nodes=nodes)


def drifted(registry: Excerpt, deviation_db: float, result: str) -> Excerpt:
    """As if a check had found that."""
    first, *others = registry.nodes
    checks = (replace(first.calibrations[0], deviation_db=deviation_db, result=result),)
    return replace(registry, nodes=(replace(first, calibrations=checks), *others))


def test_a_usual_place_has_the_figures_of_the_procedure(registry: Excerpt) -> None:
    budget = level_budget(drifted(hung(registry, Mounting()), 0.1, "ok"))
    assert [one.standard for one in budget.contributions] == [0.7, 0.5, 0.3, 0.5]
    # sqrt(0.49 + 0.25 + 0.09 + 0.25) = 1.039, twice that is 2.1.
    assert budget.combined == pytest.approx(1.0392, abs=1e-4)
    assert budget.expanded == 2.1
    procedure = (Path(__file__).parents[3] / "docs/measurement-procedure.md").read_text()
    assert "±2.1 dB" in procedure


def test_a_wall_nearby_and_a_drift_make_levels_less_certain(registry: Excerpt) -> None:
    near = level_budget(hung(registry, Mounting(facade_m=2.0)))
    far = level_budget(hung(registry, Mounting(facade_m=3.5)))
    assert [near.contributions[3].standard, far.contributions[3].standard] == [1.0, 0.5]
    # 0.4 and 1.0/sqrt(3) in quadrature.
    assert level_budget(drifted(registry, -1.0, "drift")).contributions[1].standard == 0.7
    # What is invalid is left out, and a first check is no drift.
    for result in ("invalid", "initial"):
        assert level_budget(drifted(registry, 3.0, result)).contributions[1].standard == 0.5


def test_the_report_quotes_the_same(place: Place, registry: Excerpt, tmp_path: Path) -> None:
    made = place.export(tmp_path / "out")
    report = json.loads((made.folder / "report.json").read_text())
    assert report["level_u95_db"] == level_budget(registry).expanded


@pytest.mark.parametrize(("lane_m", "height_m"), [(3.0, 2.5), (7.5, 2.5), (10.0, 4.0)])
def test_speeds_follow_the_model_of_the_node(lane_m: float, height_m: float) -> None:
    model = Geometry(
        {1: lane_m, -1: lane_m},
        mic_height_m=height_m,
        source_height_m=uncertainty.SOURCE_HEIGHT_M,
    )
    budget = speed_budget(Mounting(distance_m=lane_m, mic_height_m=height_m))
    assert budget is not None
    by_name = {one.name: one.standard for one in budget.contributions}
    together = (by_name["distance"] ** 2 + by_name["road"] ** 2) ** 0.5
    # The node takes the mean of direct and reflected sound for the height, which is a little less.
    assert together == pytest.approx(100 * model.slant_log_uncertainty(1), rel=0.12)
    assert model.distance_uncertainty_m == uncertainty.DISTANCE_M
    assert Geometry().source_height_m == uncertainty.SOURCE_HEIGHT_M
    assert model.temperature_uncertainty_c == uncertainty.TEMPERATURE_C
    assert uncertainty.ROAD == geometry._DIRECT_EXCESS_UNCERTAINTY


def test_the_farther_the_lane_the_surer_the_speed() -> None:
    near = speed_budget(Mounting(distance_m=3.0, distance_back_m=6.5, mic_height_m=2.5))
    far = speed_budget(Mounting(distance_m=3.0, distance_back_m=6.5, mic_height_m=2.5), -1)
    assert near is not None
    assert far is not None
    assert near.expanded > far.expanded > 5
    assert speed_budget(Mounting(mic_height_m=2.5)) is None


@pytest.mark.parametrize("code", ["sv", "en"])
def test_all_of_it_has_words_and_a_document(
    place: Place, registry: Excerpt, code: str, tmp_path: Path
) -> None:
    words = language(code)
    method = method_of(place.engine, place.registry.inventory(), "ekskolan", END)
    told = described(method, words)
    cells = [cell for table in told["tables"] for row in table["rows"] for cell in row]
    assert all("{" not in cell and cell for cell in cells)
    assert ("2,1" if code == "sv" else "2.1") in told["tables"][0]["sums"][1][1]
    for other in (hung(registry, Mounting(facade_m=2.0)), drifted(registry, 0.8, "drift")):
        bases = [one.basis for one in level_budget(other).contributions]
        assert all(words.text(f"uncertainty.basis_{basis}") for basis in bases)
    path = tmp_path / "method.pdf"
    path.write_bytes(typeset_method(told))
    with pikepdf.open(path) as pdf:
        # Two nodes with two lanes each.
        assert len(pdf.pages) <= 2
        assert pdf.Root.Lang == code
        assert pdf.Root.MarkInfo.Marked
    assert path.read_bytes() == typeset_method(told)


def run(*arguments: str | Path) -> str:
    """Run the command."""
    app = typer.Typer()
    app.command()(evidence_method)
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_the_command_prints_and_writes_it(place: Place, tmp_path: Path) -> None:
    config = tmp_path / "collector.toml"
    config.write_text(f'ledger = "{place.engine.url}"\n')
    pdf = tmp_path / "method.pdf"
    said = run("--site", "ekskolan", "--config", config, "--pdf", pdf)
    assert "Mätosäkerhet enligt GUM: Ekskolan" in said
    assert "±2,1" in said
    assert pdf.read_bytes().startswith(b"%PDF")
    budgets = json.loads(run("--site", "ekskolan", "--config", config, "--json"))["budgets"]
    assert budgets[0]["expanded"] == 2.1
    with pytest.raises(RegistryError, match="nowhere"):
        run("--site", "nowhere", "--config", config)


def test_what_was_found_elsewhere_or_later_does_not_count(empty_place: Place) -> None:
    engine, inventory = empty_place.engine, empty_place.registry.inventory()

    def basis(days_later: int) -> str:
        at = END + timedelta(days=days_later)
        return method_of(engine, inventory, "ekskolan", at).levels.contributions[1].basis

    empty_place.send("askolan-1", check("askolan-1", END, 0.9, "drift"))
    assert basis(1) == "calibrator"
    empty_place.send("ekskolan-1", check("ekskolan-1", END, 0.9, "drift"))
    assert [basis(-1), basis(1)] == ["calibrator", "drifted"]
