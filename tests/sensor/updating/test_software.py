"""Releases are made by the server, served, fetched and installed for real."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from deploy.errors import DeployError
from deploy.fleet.releases import Release, Releases
from sensor.contract.fleet import FILES, MANIFEST_FILE, WantedRelease, target_of
from sensor.contract.signature import public_key_text
from sensor.errors import UpdateError, UpdateLaterError
from sensor.updating.fetching import Store
from sensor.updating.places import Places
from sensor.updating.software import Software, release_name
from tests.bad_line import BadLine
from tests.sensor.updating.world import KEY, NODE
from tests.stand_in import stand_in

KEYS = (public_key_text(KEY.public_key()),)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    made = Places(
        tmp_path / "node", tmp_path / "etc/node.toml", tmp_path / "state", tmp_path / "run"
    )
    for path in (made.releases, made.state / "files", made.config.parent):
        path.mkdir(parents=True)
    made.config.write_text(f'node = "{NODE}"\n[input]\nkind = "street"\n')
    for link in (made.current, made.good):
        link.symlink_to(made.releases / "1.0")
    made.configs.mkdir()
    made.current_config.symlink_to("card.toml")
    return made


@pytest.fixture
def software(places: Places) -> Software:
    return Software(places, Store(places.state / "files", sleep=lambda _: None))


@pytest.fixture
def served(tmp_path: Path) -> Path:
    return tmp_path / "releases"


@pytest.fixture
def line(served: Path) -> Iterator[BadLine]:
    served.mkdir()
    with BadLine(served, breaks_after=500) as running:
        yield running


def made(
    tmp_path: Path,
    served: Path,
    version: str = "2.0",
    habit: str = "works",
    *,
    target: str | None = None,
    key: Ed25519PrivateKey = KEY,
) -> Release:
    wheel = stand_in(tmp_path, version, habit)
    lock = tmp_path / "empty.lock"
    lock.write_text("# nothing\n")
    return Releases(served).make(wheel, lock, [target or target_of()], key)


def wanted(release: Release, line: BadLine) -> WantedRelease:
    return WantedRelease(
        version=release.version, manifest_sha256=release.manifest_sha256, urls=(line.url,)
    )


def test_a_release_becomes_an_environment_of_its_own(
    tmp_path: Path, served: Path, line: BadLine, software: Software, places: Places
) -> None:
    release = made(tmp_path, served)
    wish = wanted(release, line)
    line.breaks_after = None
    manifest = software.manifest(wish, KEYS)
    line.breaks_after = 500
    software.fetch(manifest, wish)
    assert line.sent > 500
    folder = software.install(manifest, wish)
    assert software.is_installed(release_name(wish))
    said = subprocess.run([folder / "bin/skolro", "--version"], capture_output=True, check=True)
    assert said.stdout == b"skolro 2.0\n"
    # Again, it is there at once, and nothing is fetched.
    asked = len(line.asked)
    software.fetch(manifest, wish)
    assert software.install(manifest, wish) == folder
    assert len(line.asked) == asked
    # What is not needed goes, files included.
    (places.state / "files" / "old").write_bytes(b"x")
    (places.releases / "half").mkdir()
    software.tidy({folder.name})
    assert [path.name for path in places.releases.iterdir()] == [folder.name]
    assert [path.name for path in (places.state / "files").iterdir()] == [manifest.files[0].sha256]


@pytest.mark.parametrize(
    ("version", "habit", "text"),
    [
        ("2.1", "reads no configuration", "skolro sensor check-config: node.toml, line 3: levels"),
    ],
)
def test_a_release_says_itself_that_it_cannot_work_here(
    tmp_path: Path,
    served: Path,
    line: BadLine,
    software: Software,
    version: str,
    habit: str,
    text: str,
) -> None:
    line.breaks_after = None
    wish = wanted(made(tmp_path, served, version, habit), line)
    manifest = software.manifest(wish, KEYS)
    software.fetch(manifest, wish)
    with pytest.raises(UpdateError, match=text):
        software.install(manifest, wish)
    assert not software.is_installed(release_name(wish))


def test_what_is_not_the_signed_release_is_refused(
    tmp_path: Path, served: Path, line: BadLine, software: Software
) -> None:
    line.breaks_after = None
    release = made(tmp_path, served)
    wish = wanted(release, line)
    other = (public_key_text(Ed25519PrivateKey.generate().public_key()),)
    with pytest.raises(UpdateError, match=r"release 2.0 is signed by the key .* does not know"):
        software.manifest(wish, other)
    with pytest.raises(UpdateError, match="its hash is another"):
        software.manifest(replace(wish, manifest_sha256="0" * 64), KEYS)
    shutil.copytree(served / "2.0", served / "3.0")
    with pytest.raises(UpdateError, match=r"said to be release 3.0 is 2.0"):
        software.manifest(replace(wish, version="3.0"), KEYS)
    manifest = software.manifest(wish, KEYS)
    file = served / FILES / manifest.files[0].sha256
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"x")
    with pytest.raises(UpdateError, match="is not the file that was signed"):
        software.fetch(manifest, wish)
    (served / "2.0" / MANIFEST_FILE).unlink()
    with pytest.raises(UpdateLaterError, match="answers 404"):
        software.manifest(wish, KEYS)


def test_a_release_without_wheels_for_this_node_says_so(
    tmp_path: Path, served: Path, line: BadLine, software: Software
) -> None:
    line.breaks_after = None
    wish = wanted(made(tmp_path, served, target="cp399-aarch64"), line)
    with pytest.raises(UpdateError, match=r"no wheels for cp3\d+-\w+, only for cp399-aarch64"):
        software.manifest(wish, KEYS)


def test_making_a_release_explains_mistakes(tmp_path: Path, served: Path) -> None:
    made(tmp_path, served)
    with pytest.raises(DeployError, match=r"there is a release 2.0 already"):
        made(tmp_path, served)
    with pytest.raises(DeployError, match="no target: write a Python and a processor"):
        made(tmp_path, served, "2.2", target="arm")
    lock = tmp_path / "numpy.lock"
    lock.write_text("numpy==2.4.6 --hash=sha256:" + "0" * 64 + "\n")
    with pytest.raises(DeployError, match=r"not all wheels for cp313-aarch64 can be had: ERROR"):
        Releases(served).make(
            stand_in(tmp_path, "2.3"), lock, ["cp313-aarch64"], KEY, tmp_path / "no-wheels"
        )
    (tmp_path / "no.whl").write_bytes(b"no")
    with pytest.raises(DeployError, match="is no wheel"):
        Releases(served).make(tmp_path / "no.whl", lock, ["cp313-aarch64"], KEY)
    with pytest.raises(DeployError, match=r"no release 9.9, but 2.0"):
        Releases(served).get("9.9")
    # What failed left nothing.
    assert sorted(path.name for path in served.iterdir()) == ["2.0", "files"]
