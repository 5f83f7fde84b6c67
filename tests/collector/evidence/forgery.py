"""What somebody might do to a summary, from one byte to all of it with a key of their own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.evidence.lines import decode_line
from collector.evidence.manifest import (
    MANIFEST,
    SEAL_FILES,
    SIGNATURE,
    File,
    Manifest,
    authority,
    encode_manifest,
)
from sensor.contract.signature import public_key_text, sign, thumbprint

STRANGER: Final = Ed25519PrivateKey.from_private_bytes(b"s" * 32)

Lines = list[bytes]


def reseal(folder: Path, key: Ed25519PrivateKey) -> None:
    """Make the manifest anew of what is there now, under another key but the same name."""
    old = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    files = []
    for path in sorted(folder.iterdir()):
        if path.name not in SEAL_FILES:
            raw = path.read_bytes()
            digest = hashlib.sha256(raw).hexdigest()
            files.append(File(name=path.name, size=len(raw), sha256=digest))
    lines = len((folder / "messages.jsonl").read_bytes().splitlines())
    who = authority(old.authority.name, key.public_key(), None)
    new = msgspec.structs.replace(old, authority=who, files=tuple(files), messages=lines)
    raw = encode_manifest(new)
    (folder / MANIFEST).write_bytes(raw)
    (folder / SIGNATURE).write_text(sign(raw, key))


def edit_json(folder: Path, name: str, edit: Callable[[Any], None]) -> None:
    """Change a JSON file."""
    value = json.loads((folder / name).read_text())
    edit(value)
    (folder / name).write_text(json.dumps(value, indent=1, ensure_ascii=False))


def edit_lines(folder: Path, edit: Callable[[Lines], Lines]) -> None:
    """Change the lines of the messages."""
    path = folder / "messages.jsonl"
    lines = edit(path.read_bytes().splitlines())
    path.write_bytes(b"".join(line + b"\n" for line in lines))


def first_of(lines: Lines, kind: str) -> int:
    """Place of the third message of a kind, so that others stand around it."""
    return [i for i, raw in enumerate(lines) if f'"kind\\":\\"{kind}'.encode() in raw][2]


def in_message(kind: str, old: str, new: str) -> Callable[[Lines], Lines]:
    """Put something else in a message."""

    def edit(lines: Lines) -> Lines:
        at = first_of(lines, kind) if kind != "calibration" else _calibration(lines)
        before = lines[at]
        lines[at] = before.replace(old.encode(), new.encode(), 1)
        assert lines[at] != before
        return lines

    return edit


def _calibration(lines: Lines) -> int:
    return next(i for i, raw in enumerate(lines) if rb'"kind\":\"calibration' in raw)


def signature_changed(lines: Lines) -> Lines:
    """Change one character in the middle of a signature."""
    at = first_of(lines, "event")
    value = json.loads(lines[at])
    header, _, signed = value["signature"].partition("..")
    middle = len(signed) // 2
    other = "A" if signed[middle] != "A" else "B"
    value["signature"] = f"{header}..{signed[:middle]}{other}{signed[middle + 1 :]}"
    lines[at] = json.dumps(value, separators=(",", ":")).encode()
    return lines


def removed(lines: Lines) -> Lines:
    """Take an event out."""
    del lines[first_of(lines, "event")]
    return lines


def swapped(lines: Lines) -> Lines:
    """Let two events change places."""
    at = first_of(lines, "event")
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    return lines


def doubled(lines: Lines) -> Lines:
    """Tell an event twice."""
    at = first_of(lines, "event")
    return [*lines[: at + 1], *lines[at:]]


def added(lines: Lines) -> Lines:
    """Add an event in the node's name at the end of its chain, under a key of one's own."""
    at = max(i for i, raw in enumerate(lines) if b'node\\":\\"ekskolan-1' in raw)
    value = json.loads(lines[first_of(lines, "event")])
    last = json.loads(json.loads(lines[at])["payload"])
    payload = json.loads(value["payload"])
    payload["seq"] = last["seq"] + 1
    payload["prev"] = hashlib.sha256(json.loads(lines[at])["payload"].encode()).hexdigest()
    payload["id"] = "0123456789abcdef"
    value["payload"] = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
    value["signature"] = sign(value["payload"].encode(), STRANGER)
    return [*lines[: at + 1], json.dumps(value, separators=(",", ":")).encode(), *lines[at + 1 :]]


def from_another_node(foreign: bytes) -> Callable[[Lines], Lines]:
    """Put in a message, genuine as it is, of a node of another school."""
    return lambda lines: [foreign, *lines]


def node_replaced(folder: Path) -> None:
    """Sign everything of a node with a key of one's own, chained anew, and give that key."""

    def edit(lines: Lines) -> Lines:
        made: Lines = []
        prev = None
        for raw in lines:
            line = decode_line(raw)
            payload = json.loads(line.payload or "")
            if payload["node"] != "ekskolan-2":
                made.append(raw)
                continue
            payload["prev"] = prev or payload["prev"]
            text = msgspec.json.encode(payload)
            prev = hashlib.sha256(text).hexdigest()
            new = msgspec.structs.replace(
                line, payload=text.decode(), signature=sign(text, STRANGER)
            )
            made.append(msgspec.json.encode(new))
        return made

    def own_key(keys: Any) -> None:
        for key in keys["keys"]:
            if key["node"] == "ekskolan-2":
                key["kid"] = thumbprint(STRANGER.public_key())
                key["x"] = public_key_text(STRANGER.public_key())

    edit_lines(folder, edit)
    edit_json(folder, "keys.json", own_key)
