"""What a server wishes of a node, and what a release is made of; both are signed by a fleet key.

A wish says in full what a node is to run, with a number that only ever rises, so that an old one
that is played again is known as such. A release is a list of files by their SHA-256: how they come
to the node needs no trust.
"""

from __future__ import annotations

import platform
import re
import sys
from typing import Annotated, Final, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Struct

from sensor.contract.codec import MAX_PAYLOAD_BYTES
from sensor.contract.errors import ContractError
from sensor.contract.messages import VERSION, NodeId, PublicKey, Sha256, require_node_id

MAX_MANIFEST_BYTES: Final = 256 * 1024
MAX_FILE_BYTES: Final = 1024 * 1024 * 1024
MOST_KEYS: Final = 4
LONGEST_CONFIG: Final = 32 * 1024

MANIFEST_FILE: Final = "manifest.json"
SIGNATURE_FILE: Final = "manifest.jws"
FILES: Final = "files"
"""Below a release's address: ``<version>/manifest.json``, ``.jws``, and ``files/<sha256>``."""

_LINE_END: Final = "\n"
_WHEEL: Final = re.compile(r"[A-Za-z0-9_.]+-[A-Za-z0-9_.!+]+(?:-[A-Za-z0-9_.]+){3,4}\.whl")

# Both become names of files and parts of addresses.
ReleaseVersion: TypeAlias = Annotated[
    str, Meta(pattern=r"^[0-9][0-9A-Za-z.]{0,39}$", max_length=40)
]
Target: TypeAlias = Annotated[str, Meta(pattern=r"^cp[0-9]{2,4}-[a-z0-9_]{1,20}$", max_length=30)]
"""What a wheel is for: a Python and a processor, such as ``cp313-aarch64``."""


def _require_lines(*texts: str) -> None:
    # The `$` of a pattern lets a line end through.
    if any(text.endswith(_LINE_END) for text in texts):
        raise ValueError("a name or an address must not end with a line end")


def target_of(version: tuple[int, int] = sys.version_info[:2], machine: str = "") -> Target:
    """Return the target that this computer, or the one that is told, is."""
    return f"cp{version[0]}{version[1]}-{machine or platform.machine().lower()}"


class ReleaseFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wheel, and the targets that need it."""

    name: Annotated[str, Meta(max_length=200)]
    sha256: Sha256
    size: Annotated[int, Meta(ge=1, le=MAX_FILE_BYTES)]
    targets: Annotated[tuple[Target, ...], Meta(min_length=1, max_length=50)]

    def __post_init__(self) -> None:
        if not _WHEEL.fullmatch(self.name):
            raise ValueError(f"{self.name[:80]!r} is no name of a wheel")
        _require_lines(*self.targets)

    @property
    def requirement(self) -> str:
        """A line for pip: exactly this file and no other."""
        name, version = self.name.split("-")[:2]
        return f"{name}=={version} --hash=sha256:{self.sha256}"


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A release: every file that a node needs for it, Skolro's own wheel among them."""

    v: Annotated[int, Meta(ge=1, le=VERSION)] = VERSION
    version: ReleaseVersion
    least_python: Annotated[str, Meta(pattern=r"^3\.[0-9]{1,3}$", max_length=6)]
    files: Annotated[tuple[ReleaseFile, ...], Meta(min_length=1, max_length=1000)]

    def __post_init__(self) -> None:
        _require_lines(self.version, self.least_python)

    def files_for(self, target: Target) -> tuple[ReleaseFile, ...]:
        """What `target` needs; empty: the release was not made for it."""
        return tuple(one for one in self.files if target in one.targets)


class WantedRelease(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A release by its manifest's hash, and where its files may be had.

    `again` lets a node try one that it has returned from.
    """

    version: ReleaseVersion
    manifest_sha256: Sha256
    urls: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^https?://[^\s<>\"]+$", max_length=300)], ...],
        Meta(min_length=1, max_length=4),
    ]
    again: bool = False

    def __post_init__(self) -> None:
        _require_lines(self.version, *self.urls)


class WantedConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole ``node.toml``; its `version` only rises, and 0 is what the card brought."""

    version: Annotated[int, Meta(ge=1, lt=2**53)]
    toml: Annotated[str, Meta(min_length=1, max_length=LONGEST_CONFIG)]
    again: bool = False


class Wish(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a node is to run from now on, on the retained topic ``config``.

    Attributes
    ----------
    number : int
        Of the node's wishes; one that is not higher than the last is none.
    keys : tuple of str
        Whose signatures the node believes from now on.
    release, config
        None: stay with what there is.
    """

    v: Annotated[int, Meta(ge=1, le=VERSION)]
    node: NodeId
    number: Annotated[int, Meta(ge=1, lt=2**53)]
    keys: Annotated[tuple[PublicKey, ...], Meta(min_length=1, max_length=MOST_KEYS)]
    release: WantedRelease | None = None
    config: WantedConfig | None = None

    def __post_init__(self) -> None:
        require_node_id(self.node)


_T = TypeVar("_T")

_WISH: Final = msgspec.json.Decoder(Wish)
_MANIFEST: Final = msgspec.json.Decoder(Manifest)


def encode_wish(wish: Wish) -> bytes:
    """Return the payload of a wish; :class:`ContractError` if it is too large to travel."""
    payload = msgspec.json.encode(wish)
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ContractError(
            f"the wish for {wish.node} has {len(payload)} bytes, more than the "
            f"{MAX_PAYLOAD_BYTES} that travel: shorten the configuration's comments"
        )
    decode_wish(payload)
    return payload


def decode_wish(payload: bytes) -> Wish:
    """Return the wish in `payload`, or raise :class:`ContractError`."""
    return _decoded(_WISH, payload, MAX_PAYLOAD_BYTES, "a wish")


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the manifest as it is signed."""
    payload = msgspec.json.encode(manifest)
    decode_manifest(payload)
    return payload


def decode_manifest(payload: bytes) -> Manifest:
    """Return the manifest in `payload`, or raise :class:`ContractError`."""
    return _decoded(_MANIFEST, payload, MAX_MANIFEST_BYTES, "a release's manifest")


def _decoded(decoder: msgspec.json.Decoder[_T], payload: bytes, most: int, what: str) -> _T:
    if len(payload) > most:
        raise ContractError(f"{what} may have {most} bytes at most, not {len(payload)}")
    try:
        return decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ContractError(f"not {what}: {error}") from error
