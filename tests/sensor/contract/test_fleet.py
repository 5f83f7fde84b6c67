"""Wishes and manifests: one form there and back, and nothing that could lead elsewhere."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.contract.errors import ContractError
from sensor.contract.fleet import (
    LONGEST_CONFIG,
    Manifest,
    ReleaseFile,
    WantedConfig,
    WantedRelease,
    Wish,
    decode_manifest,
    decode_wish,
    encode_manifest,
    encode_wish,
    target_of,
)
from sensor.contract.messages import VERSION

RELEASE = WantedRelease(
    version="0.2.0", manifest_sha256="a" * 64, urls=("https://skolro.example/releases",)
)
WISH = Wish(
    v=VERSION, node="ekskolan-1", number=7, keys=("k" * 43,), release=RELEASE,
    config=WantedConfig(version=3, toml='node = "ekskolan-1"\n'),
)  # fmt: skip
FILE = ReleaseFile(
    name="numpy-2.4.6-cp313-cp313-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl",
    sha256="b" * 64, size=17_000_000, targets=("cp313-aarch64",),
)  # fmt: skip
MANIFEST = Manifest(version="0.2.0", least_python="3.11", files=(FILE,))


def test_there_and_back() -> None:
    assert decode_wish(encode_wish(WISH)) == WISH
    assert decode_manifest(encode_manifest(MANIFEST)) == MANIFEST
    assert FILE.requirement == f"numpy==2.4.6 --hash=sha256:{'b' * 64}"
    assert MANIFEST.files_for("cp313-aarch64") == (FILE,)
    assert MANIFEST.files_for("cp311-aarch64") == ()
    assert target_of((3, 13), "aarch64") == "cp313-aarch64"


def test_what_is_not_wished_is_not_said() -> None:
    payload = encode_wish(Wish(v=VERSION, node="ekskolan-1", number=1, keys=("k" * 43,)))
    assert set(msgspec.json.decode(payload)) == {"v", "node", "number", "keys"}


@pytest.mark.parametrize(
    "changes",
    [
        {"v": VERSION + 1}, {"node": "Ekskolan"}, {"node": "ekskolan-1\n"}, {"number": 0},
        {"keys": []}, {"keys": ["k"]}, {"unknown": 1},
        {"release": {"version": "../../etc"}}, {"release": {"version": "0.2.0\n"}},
        {"release": {"urls": ["file:///etc/passwd"]}}, {"release": {"urls": []}},
        {"release": {"manifest_sha256": "A" * 64}}, {"config": {"version": 0}},
        {"config": {"toml": "x" * (LONGEST_CONFIG + 1)}},
    ],
)  # fmt: skip
def test_a_wish_that_is_none(changes: dict[str, Any]) -> None:
    whole = msgspec.json.decode(encode_wish(WISH))
    for name, value in changes.items():
        inner = isinstance(value, dict)
        whole[name] = whole[name] | value if inner else value
    with pytest.raises(ContractError, match="not a wish"):
        decode_wish(msgspec.json.encode(whole))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "../evil-1.0-py3-none-any.whl"}, {"name": "numpy-2.4.6.tar.gz"},
        {"name": "a b-1.0-py3-none-any.whl"}, {"sha256": "../" + "b" * 61}, {"size": 0},
        {"targets": []}, {"targets": ["cp313-../x"]},
    ],
)  # fmt: skip
def test_a_manifest_that_leads_elsewhere(changes: dict[str, Any]) -> None:
    whole = msgspec.json.decode(encode_manifest(MANIFEST))
    whole["files"][0] |= changes
    with pytest.raises(ContractError, match="not a release's manifest"):
        decode_manifest(msgspec.json.encode(whole))


def test_what_is_too_long_is_not_even_read() -> None:
    with pytest.raises(ContractError, match="a wish may have"):
        decode_wish(b" " * 70_000)
    with pytest.raises(ContractError, match="a release's manifest may have"):
        decode_manifest(b" " * 300_000)


@given(st.binary(max_size=200))
def test_anything_else_is_no_wish(payload: bytes) -> None:
    for decode in (decode_wish, decode_manifest):
        with pytest.raises(ContractError):
            decode(payload)
