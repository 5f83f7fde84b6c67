"""The folder of releases: signed manifests, and files by their SHA-256."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.authority import write_file
from deploy.errors import DeployError
from deploy.fleet.wheels import wheels_for
from sensor.contract.errors import ContractError
from sensor.contract.fleet import (
    FILES,
    MANIFEST_FILE,
    SIGNATURE_FILE,
    Manifest,
    ReleaseFile,
    decode_manifest,
    encode_manifest,
)
from sensor.contract.signature import sign

LEAST_PYTHON: Final = "3.11"


@dataclass(frozen=True, slots=True)
class Release:
    """A release that was made.

    Attributes
    ----------
    manifest_sha256 : str
        By which it is wished for.
    """

    manifest: Manifest
    manifest_sha256: str

    @property
    def version(self) -> str:
        """Its version."""
        return self.manifest.version

    @property
    def targets(self) -> list[str]:
        """What it can be installed on."""
        return sorted({target for one in self.manifest.files for target in one.targets})


class Releases:
    """The releases in a folder, which any web server may serve.

    Parameters
    ----------
    folder : Path
        ``<version>/manifest.json`` with its signature, and ``files/``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(
        self,
        wheel: Path,
        lock: Path,
        targets: Sequence[str],
        key: Ed25519PrivateKey,
        source: Path | None = None,
    ) -> Release:
        """Make a release of a wheel of Skolro's, with what `lock` says that it needs.

        Raises
        ------
        DeployError
            That version was made already, or something cannot be had or written.
        """
        version = version_of(wheel)
        if (self._folder / version).exists():
            raise DeployError(
                f"there is a release {version} already, and nodes may have it: raise the version"
            )
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=".making-") as name:
            needed: dict[Path, list[str]] = {wheel: list(targets)}
            for target in targets:
                for path in wheels_for(target, lock, Path(name), source):
                    needed[path] = [target]
            manifest = Manifest(
                version=version, least_python=LEAST_PYTHON, files=self._kept(needed)
            )
        return self._signed(manifest, key)

    def get(self, version: str) -> Release:
        """Return a release.

        Raises
        ------
        DeployError
            There is none of that version.
        """
        path = self._folder / version / MANIFEST_FILE
        try:
            payload = path.read_bytes()
            manifest = decode_manifest(payload)
        except FileNotFoundError as error:
            made = ", ".join(one.version for one in self.all()) or "none at all"
            raise DeployError(
                f"there is no release {version}, but {made}: make it with skolro fleet release"
            ) from error
        except (OSError, ContractError) as error:
            raise DeployError(f"{path} cannot be used: {error}") from error
        return Release(manifest, hashlib.sha256(payload).hexdigest())

    def all(self) -> list[Release]:
        """All releases, by version."""
        found = self._folder.glob(f"*/{MANIFEST_FILE}") if self._folder.is_dir() else ()
        return [self.get(path.parent.name) for path in sorted(found)]

    def sign_again(self, key: Ed25519PrivateKey) -> None:
        """Sign all releases with another key; what they are made of stays."""
        for one in self.all():
            folder = self._folder / one.version
            payload = (folder / MANIFEST_FILE).read_bytes()
            write_file(folder / SIGNATURE_FILE, f"{sign(payload, key)}\n".encode(), 0o644)

    def _kept(self, needed: dict[Path, list[str]]) -> tuple[ReleaseFile, ...]:
        """Put each file where its hash says; the same for several targets is one."""
        found: dict[str, tuple[str, int, set[str]]] = {}
        for path, targets in needed.items():
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            kept = self._folder / FILES / digest
            if not kept.exists():
                kept.parent.mkdir(parents=True, exist_ok=True)
                part = kept.with_suffix(".part")
                shutil.copyfile(path, part)
                part.replace(kept)
            _, _, known = found.setdefault(digest, (path.name, len(content), set()))
            known.update(targets)
        return tuple(
            ReleaseFile(name=name, sha256=digest, size=size, targets=tuple(sorted(targets)))
            for digest, (name, size, targets) in sorted(found.items(), key=lambda one: one[1][0])
        )

    def _signed(self, manifest: Manifest, key: Ed25519PrivateKey) -> Release:
        payload = encode_manifest(manifest)
        folder = self._folder / manifest.version
        write_file(folder / SIGNATURE_FILE, f"{sign(payload, key)}\n".encode(), 0o644)
        # Last, since it is what makes a release.
        write_file(folder / MANIFEST_FILE, payload, 0o644)
        return Release(manifest, hashlib.sha256(payload).hexdigest())


def version_of(wheel: Path) -> str:
    """Return the version that is in a wheel of Skolro's; :class:`DeployError` if it is none."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
            metadata = HeaderParser().parsestr(archive.read(name).decode())
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DeployError(
            f"{wheel} is no wheel: make one with pip wheel --no-deps --wheel-dir dist ."
        ) from error
    if metadata["Name"] != "skolro":
        raise DeployError(f"{wheel} holds {metadata['Name']}, and not skolro")
    return str(metadata["Version"])
