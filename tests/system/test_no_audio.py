"""No sound leaves memory: file system and wire are searched while a node hears something.

Two things are shown. The samples stand nowhere, in no plain form. And all that was written or sent
holds fewer bits a second than the leanest speech codecs need (Codec 2: 450 bit/s), so that speech
could not be in it in any other form either.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pytest
import soundfile

from tests.peers import free_port, wait_for
from tests.system.chain import Chain
from tests.system.chaos.relay import Relay
from tests.system.eavesdropper import Floats, found_in, information_bits, snippets

RATE: Final = 48_000
LENGTH_S: Final = 240
BURSTS_S: Final = (20, 95, 170)
CODEC_BITS_A_S: Final = 450


def heard_sound() -> Floats:
    """A street of noise in which something loud and word-like happens three times."""
    random = np.random.default_rng(20261128)
    sound = 2e-3 * random.standard_normal(LENGTH_S * RATE)
    t = np.arange(4 * RATE) / RATE
    syllables = np.sin(2 * np.pi * 4 * t) ** 2
    for start_s in BURSTS_S:
        tones = sum(np.sin(2 * np.pi * 140 * k * t + k * np.sin(9 * t)) / k for k in range(1, 25))
        voice = 0.5 * syllables * (tones + 0.3 * random.standard_normal(len(t)))
        sound[start_s * RATE : start_s * RATE + len(t)] += voice
    return sound


SOUND: Final = heard_sound()
PIECES: Final = snippets(
    SOUND, RATE, [start_s + 0.55 + 0.25 * k for start_s in BURSTS_S for k in (0, 5)]
)


@dataclass
class Traces:
    """Files that a process held open for writing."""

    written: set[str] = field(default_factory=set)

    def look(self, pid: int) -> None:
        """Note what the process has open right now."""
        folder = Path(f"/proc/{pid}/fd")
        try:
            for entry in folder.iterdir():
                flags = Path(f"/proc/{pid}/fdinfo/{entry.name}").read_text().split("flags:")[1]
                if int(flags.split()[0], 8) & os.O_ACCMODE:
                    self.written.add(str(entry.readlink()))
        except OSError:
            pass  # it was closed, or the process has ended, while we looked


@contextmanager
def watched(pid: int) -> Iterator[Traces]:
    """Look at the process all the time."""
    traces, ended = Traces(), threading.Event()

    def look() -> None:
        while not ended.wait(0.005):
            traces.look(pid)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield traces
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize(
    "form",
    ["int16", "faint int16", "odd offset", "float32", "int24", "16 kHz"],
)
def test_the_search_finds_what_is_there(form: str) -> None:
    piece = SOUND[20 * RATE : 22 * RATE] / 4
    whole = (30_000 * piece).astype("<i2").tobytes()
    data = {
        "int16": whole,
        "faint int16": (1000 * piece).astype("<i2").tobytes(),
        "odd offset": b"RIFFx" + whole,
        "float32": piece.astype("<f4").tobytes(),
        "int24": (8e6 * piece).astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes(),
        "16 kHz": (30_000 * piece.reshape(-1, 3).mean(axis=1)).astype("<i2").tobytes(),
    }[form]
    around = os.urandom(5_001)
    assert found_in(around + data + around, PIECES)


def test_the_search_finds_nothing_where_nothing_is() -> None:
    other = np.random.default_rng(2).standard_normal(4 * RATE)
    data = os.urandom(100_001) + (8_000 * other).astype("<i2").tobytes()
    assert not found_in(data, PIECES)


def test_nothing_that_is_heard_is_written_or_sent(tmp_path: Path) -> None:
    path = tmp_path / "street.wav"
    soundfile.write(path, SOUND / 20, RATE, subtype="FLOAT")
    folder = tmp_path / "chain"
    folder.mkdir()
    carried = bytearray()
    with Chain(folder) as chain, Relay(free_port(), chain.broker.port, carried) as network:
        node = chain.start(
            "quiet-1",
            {"kind": "recording", "path": str(path), "full_scale_pa": 20.0, "real_time": False},
            broker={"port": network.port},
        )
        with watched(node._process.pid) as traces:
            wait_for(lambda: node.status is not None, timeout_s=120, what="the node does not end")
        node.require()
        assert len(chain.events("quiet-1")) == len(BURSTS_S), "it did not hear what it should"
    of_node = {
        str(file): file.read_bytes() for file in (folder / "quiet-1").rglob("*") if file.is_file()
    }
    everything = {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}

    regular = {name for name in traces.written if name.startswith("/") and "/dev/" not in name}
    strange = {
        name for name in regular
        if not name.startswith(str(folder / "quiet-1")) and name != str(folder / "quiet-1.log")
    }  # fmt: skip
    assert regular, "nothing was seen of what it wrote"
    assert not strange

    for name, data in {**everything, "the wire": bytes(carried)}.items():
        assert not found_in(data, PIECES), name

    assert len(carried) > 1000
    for what, data in (("wire", bytes(carried)), ("disk", b"".join(of_node.values()))):
        assert information_bits(data) / LENGTH_S < CODEC_BITS_A_S, what
