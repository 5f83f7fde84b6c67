"""Releases on the node: from a signed manifest to a virtual environment of its own."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sensor.contract.errors import ContractError
from sensor.contract.fleet import (
    FILES,
    MANIFEST_FILE,
    MAX_MANIFEST_BYTES,
    SIGNATURE_FILE,
    Manifest,
    ReleaseFile,
    WantedRelease,
    decode_manifest,
    target_of,
)
from sensor.contract.signature import LONGEST_SIGNATURE
from sensor.errors import UpdateError
from sensor.updating.fetching import Store, require_room, require_space
from sensor.updating.files import write_whole
from sensor.updating.places import Places
from sensor.updating.running import run_tool
from sensor.updating.trust import require_signed

COMPLETE: Final = ".complete"
"""In a release's folder, written last: the SHA-256 of each of its files, one a line."""

_UNPACKED: Final = 5
"""How much larger a wheel may become, with what is compiled of it."""

_INSTALL_S: Final = 1800
_CHECK_S: Final = 300


def release_name(wanted: WantedRelease) -> str:
    """Name of a release's folder: no other release can have it."""
    return f"{wanted.version}-{wanted.manifest_sha256[:12]}"


class Software:
    """Fetches and installs releases; does not decide which one runs.

    Parameters
    ----------
    places : Places
        Where to.
    store : Store
        Where files are kept between releases, so that only what is new travels.
    """

    def __init__(self, places: Places, store: Store) -> None:
        self._places = places
        self._store = store

    def manifest(self, wanted: WantedRelease, keys: Sequence[str]) -> Manifest:
        """Return the manifest that is wanted.

        Raises
        ------
        UpdateError
            It is not signed by one of `keys`, is of another version, or not for this node.
        UpdateLaterError
            It does not come.
        """
        bases = [f"{url.rstrip('/')}/{wanted.version}" for url in wanted.urls]
        payload = self._store.fetch_small(
            MAX_MANIFEST_BYTES, [f"{base}/{MANIFEST_FILE}" for base in bases]
        )
        if hashlib.sha256(payload).hexdigest() != wanted.manifest_sha256:
            raise UpdateError(
                f"{bases[0]}/{MANIFEST_FILE} is not the manifest of {wanted.version} that was "
                "wished for: its hash is another"
            )
        signature = self._store.fetch_small(
            LONGEST_SIGNATURE, [f"{base}/{SIGNATURE_FILE}" for base in bases]
        )
        what = f"release {wanted.version}"
        require_signed(payload, signature.decode(errors="replace").strip(), keys, what)
        try:
            manifest = decode_manifest(payload)
        except ContractError as error:
            raise UpdateError(f"{what} cannot be read by this version: {error}") from error
        _require_fit(manifest, wanted)
        return manifest

    def fetch(self, manifest: Manifest, wanted: WantedRelease) -> None:
        """Have all files here that this node needs.

        Raises
        ------
        UpdateError, UpdateLaterError
            As :meth:`~sensor.updating.fetching.Store.fetch` does.
        """
        files = manifest.files_for(target_of())
        missing = self._store.missing_bytes((one.sha256, one.size) for one in files)
        if not self.is_installed(release_name(wanted)):
            unpacked = _UNPACKED * sum(one.size for one in files)
            require_space(self._places.releases, missing + unpacked)
        for one in files:
            urls = [f"{url.rstrip('/')}/{FILES}/{one.sha256}" for url in wanted.urls]
            self._store.fetch(one.sha256, one.size, urls)

    def is_installed(self, name: str) -> bool:
        """Whether a release is here as a whole."""
        return (self._places.releases / name / COMPLETE).exists()

    def install(self, manifest: Manifest, wanted: WantedRelease) -> Path:
        """Return the release's folder, made beside those that are there.

        Raises
        ------
        UpdateError
            Its files do not make a release here.
        UpdateLaterError
            The disk is full.
        """
        folder = self._places.releases / release_name(wanted)
        if self.is_installed(folder.name):
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        files = manifest.files_for(target_of())
        try:
            self._make(folder, files)
        except OSError as error:
            require_room(error, self._places.releases)
            raise UpdateError(f"cannot install in {folder}: {error.strerror}") from error
        self._check(folder, manifest.version)
        # All of it on the disk before what says so.
        os.sync()
        write_whole(folder / COMPLETE, "".join(f"{one.sha256}\n" for one in files).encode())
        return folder

    def tidy(self, kept: set[str]) -> None:
        """Remove all releases but those named, and the files that none of these has."""
        files: set[str] = set()
        for path in self._places.releases.iterdir():
            if path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)
            elif (path / COMPLETE).exists():
                files.update((path / COMPLETE).read_text(encoding="ascii").split())
        self._store.forget_all_but(files)

    def make_room(self) -> None:
        """Give up what can be fetched again."""
        self._store.forget_all_but(())

    def _make(self, folder: Path, files: Sequence[ReleaseFile]) -> None:
        python = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
        run_tool([str(python), "-m", "venv", str(folder)], _INSTALL_S)
        wheels = folder / "wheels"
        wheels.mkdir()
        for one in files:
            (wheels / one.name).symlink_to(self._store.path(one.sha256).absolute())
        requirements = wheels / "requirements.txt"
        requirements.write_text("".join(f"{one.requirement}\n" for one in files))
        run_tool(
            [
                str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check",
                "--no-cache-dir", "--no-index", "--no-deps", "--require-hashes",
                "--find-links", str(wheels), "--requirement", str(requirements),
            ],
            _INSTALL_S,
        )  # fmt: skip
        shutil.rmtree(wheels)

    def _check(self, folder: Path, version: str) -> None:
        """Have the new release say itself that it can work here, before it must."""
        skolro = str(folder / "bin" / "skolro")
        said = run_tool([skolro, "--version"], _CHECK_S).strip()
        if said != f"skolro {version}":
            raise UpdateError(f"release {version} calls itself {said!r}: make it anew")
        config = ["--config", str(self._places.config)]
        run_tool([skolro, "sensor", "check-config", *config], _CHECK_S)
        places = ["--program", str(self._places.program), "--state", str(self._places.state)]
        run_tool([skolro, "sensor", "update", "--check", *config, *places], _CHECK_S)


def _require_fit(manifest: Manifest, wanted: WantedRelease) -> None:
    if manifest.version != wanted.version:
        raise UpdateError(
            f"what is said to be release {wanted.version} is {manifest.version}: make it anew"
        )
    least = int(manifest.least_python.removeprefix("3."))
    if sys.version_info[:2] < (3, least):
        raise UpdateError(
            f"release {manifest.version} needs Python {manifest.least_python}, and here is "
            f"3.{sys.version_info.minor}: this node needs a newer system first"
        )
    if not manifest.files_for(target_of()):
        targets = sorted({target for one in manifest.files for target in one.targets})
        raise UpdateError(
            f"release {manifest.version} has no wheels for {target_of()}, only for "
            f"{', '.join(targets)}: make it anew with --target {target_of()}"
        )
