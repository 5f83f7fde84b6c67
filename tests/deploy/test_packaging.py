"""The wheel, built and installed into empty environments, one extra at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("sensor/", "collector/", "dashboards/", "deploy/")


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    ended = subprocess.run(
        [str(part) for part in command],
        cwd=cwd, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    (built,) = folder.glob("*.whl")
    return built


def installed(wheel: Path, folder: Path, extra: str) -> Path:
    """Install the wheel with `extra`, in the locked versions, and return that Python."""
    uv = Path(sys.executable).with_name("uv")
    run(uv, "venv", "--quiet", "--python", sys.executable, folder)
    python = folder / "bin" / "python"
    run(
        uv, "pip", "install", "--quiet", "--python", python,
        "--constraint", _versions(folder), f"{wheel}[{extra}]",
    )  # fmt: skip
    return python


def _versions(folder: Path) -> Path:
    lock = (ROOT / "requirements" / "demo.lock").read_text(encoding="utf-8")
    pins = [line.rstrip(" \\") for line in lock.splitlines() if "==" in line and line[0].isalnum()]
    path = folder / "constraints.txt"
    path.write_text("\n".join(pins), encoding="utf-8")
    return path


def without(python: Path, *modules: str) -> None:
    """Check that none of `modules` is there."""
    code = f"import importlib.util as u; print([m for m in {modules!r} if u.find_spec(m)])"
    assert run(python, "-c", code, cwd=python.parent).strip() == "[]"


def test_the_wheel_holds_every_file_of_ours_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    tracked = set(run("git", "ls-files", *OURS, "skolro.py").split())
    kinds = (".py", ".html", ".css", ".js", ".conf", ".rules")
    assert names >= {name for name in tracked if name.endswith(kinds)}
    assert all(name.startswith(OURS) or name == "skolro.py" for name in names)


def test_a_sensor_alone_works_without_the_servers_libraries(wheel: Path, tmp_path: Path) -> None:
    python = installed(wheel, tmp_path / "env", "sensor")
    without(python, "sqlalchemy", "fastapi", "altair", "serial")
    code = "import sensor.agent, sensor.commands.run, sensor.inputs.microphone"
    run(python, "-c", code, cwd=tmp_path)
    assert "measure" in run(python, "-m", "skolro", "sensor", "--help", cwd=tmp_path)


def test_a_collector_alone_works_without_sound(wheel: Path, tmp_path: Path) -> None:
    python = installed(wheel, tmp_path / "env", "collector")
    without(python, "sounddevice", "soundfile", "serial", "scipy", "fastapi")
    code = "import collector.intake.subscriber, collector.ledger, collector.forwarder"
    run(python, "-c", code, cwd=tmp_path)
    (tmp_path / "collector.toml").write_text("")
    command = (python, "-m", "skolro", "node", "list", "--json", "--config", "collector.toml")
    assert run(*command, cwd=tmp_path).strip() == "[]"


def test_no_other_distribution_owns_files_in_our_folders() -> None:
    others = {
        distribution.metadata["Name"]
        for distribution in distributions()
        if distribution.metadata["Name"] != "skolro"
        for file in distribution.files or ()
        if str(file).startswith(OURS) or str(file) == "skolro.py"
    }
    assert others == set()


def test_the_distribution_is_marked_as_private() -> None:
    (ours,) = (d for d in distributions() if d.metadata["Name"] == "skolro")
    assert "Private :: Do Not Upload" in ours.metadata.get_all("Classifier", [])


@pytest.mark.parametrize("python", ["3.11", "3.13"], ids=["bookworm", "trixie"])
def test_a_raspberry_pi_finds_a_wheel_for_all_that_a_node_needs(
    python: str, tmp_path: Path
) -> None:
    uv = Path(sys.executable).with_name("uv")
    lock = (ROOT / "deploy/image/node.lock").read_text(encoding="utf-8")
    # Where one is missing, uv says so and fails; nothing is downloaded.
    run(
        uv, "pip", "install", "--dry-run", "--target", tmp_path, "--no-deps",
        "--python-platform", "aarch64-manylinux_2_28", "--python-version", python,
        "--only-binary", ":all:", "--requirement", ROOT / "deploy/image/node.lock",
    )  # fmt: skip
    for package in ("numpy", "scipy", "msgspec", "cryptography", "pyserial"):
        assert f"\n{package}==" in lock
