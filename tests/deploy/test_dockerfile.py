"""deploy/Dockerfile: from this repository alone, locked, for both processors, as nobody special."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.deploy.compose import DEPLOY, ROOT, SERVICES

TEXT = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
LOCK = ROOT / "requirements/server.lock"


def test_it_is_built_from_what_is_there_and_needs() -> None:
    build = SERVICES["collector"]["build"]
    assert (DEPLOY / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).read_text(encoding="utf-8") == TEXT
    sources = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+) \S+$", TEXT, re.MULTILINE)
        for source in line.split()
    ]
    for source in sources:
        assert (ROOT / source).exists(), source
    ignored = (ROOT / f"{build['dockerfile']}.dockerignore").read_text(encoding="utf-8")
    assert {f"!{source}" for source in sources} == set(re.findall(r"^!.*", ignored, re.MULTILINE))
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = wheel["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    assert set(packages) <= set(sources)


def test_all_that_is_installed_is_locked() -> None:
    whole = TEXT.replace("\\\n", "")
    locked, *ours = re.findall(r"pip (?:install|wheel) .*?(?=&&|$)", whole, re.MULTILINE)
    assert len(ours) == 2
    assert "--require-hashes" in locked
    assert f"--requirement {LOCK.relative_to(ROOT)}" in locked
    assert all("--no-deps" in one for one in ours)


def test_the_lock_has_all_that_a_server_asks_for() -> None:
    locked = set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", LOCK.read_text(), re.MULTILINE))
    asked = {re.sub(r"[-_.]+", "-", name).lower() for name in wanted("server")}
    assert {"sqlalchemy", "fastapi", "typst", "psycopg"} <= asked
    assert asked <= locked


def wanted(extra: str | None) -> set[str]:
    """Names of the distributions that an extra asks for, and the program itself."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = project["optional-dependencies"][extra] if extra else project["dependencies"]
    names = set() if extra is None else wanted(None)
    for line in lines:
        ours = re.fullmatch(r"skolro\[([\w,]+)\]", line)
        if ours is None:
            names.add(re.split(r"[^\w.-]", line)[0])
        else:
            names |= {name for one in ours[1].split(",") for name in wanted(one)}
    return names


def test_its_image_is_pinned_and_runs_as_nobody_special() -> None:
    assert {*re.findall(r"^FROM (\S+)", TEXT, re.MULTILINE)} == {"python:3.13-slim-bookworm"}
    assert re.search(r"^USER (?!root)\w+$", TEXT, re.MULTILINE)
    assert re.search(r'^ENTRYPOINT \["skolro"\]$', TEXT, re.MULTILINE)


@pytest.mark.parametrize("python", ["3.11", "3.13"], ids=["bookworm", "trixie"])
@pytest.mark.parametrize("processor", ["x86_64", "aarch64"])
def test_all_of_it_has_wheels_for_both_processors(
    processor: str, python: str, tmp_path: Path
) -> None:
    # Where one is missing, uv says so and fails; nothing is downloaded.
    ended = subprocess.run(
        [Path(sys.executable).with_name("uv"), "pip", "install", "--dry-run", "--no-deps",
         "--target", tmp_path, "--python-platform", f"{processor}-manylinux_2_28",
         "--python-version", python, "--only-binary", ":all:", "--requirement", LOCK],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
