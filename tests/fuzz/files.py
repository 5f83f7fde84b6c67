"""Files that people write or bring: configurations and recordings."""

from __future__ import annotations

import io
import struct
import tempfile
from collections.abc import Iterable
from pathlib import Path
from random import Random

import msgspec
import numpy as np
import soundfile

from collector.config import CollectorConfig, load_config
from sensor.config import NodeConfig, load_node_config
from sensor.contract.errors import ConfigError
from sensor.errors import SensorError
from sensor.inputs.recording import RecordingConfig, RecordingInput
from tests.fuzz.mutation import NUMBERS, changed_bytes
from tests.fuzz.target import Target, require


class Toml(Target):
    """Configurations: read, or refused in one line that names the file.

    The first byte of an input chooses whose it is.
    """

    words = (
        b"[broker]", b"[input]", b'kind = "street"', b'kind = "recording"', b"[[", b"]]", b'"""',
        b"'''", b"nan", b"inf", b"\\u0000", b"1979-05-27T07:32:00Z", b"= {", b"tls.ca_file",
    )  # fmt: skip

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="skolro-fuzz-")
        self._path = Path(self._folder.name) / "some.toml"

    def seeds(self) -> Iterable[bytes]:
        """Of a node, and of a collector."""
        yield (
            b'nnode = "ekskolan-1"\nhealth_s = 300.0\n\n[input]\nkind = "street"\nseed = 3\n\n'
            b'[broker]\nhost = "127.0.0.1"\nport = 1883\n\n[meter]\nmicrophone_floor_db = 30.0\n'
            b"\n[mounting]\ndistance_m = 7.0\n\n[levels]\ninterval_s = 1\nbatch_s = 60\n"
        )
        yield (
            b'nnode = "a"\n[input]\nkind = "recording"\npath = "a.wav"\nlaeq_db = 60.0\n'
            b'[radar]\nkind = "ops243"\nport = "/dev/ttyACM0"\n'
        )
        yield (
            b'cledger = "sqlite:///ledger.sqlite"\n[broker]\nhost = "localhost"\nport = 8883\n'
            b'share = "skolro"\n[http]\nport = 8080\n[page]\nlanguage = "sv"\n'
            b'time_zone = "Europe/Stockholm"\n[retention]\nlevels_days = 90.0\n'
            b'[influxdb]\nurl = "http://localhost:8086"\ntoken = "t"\nmessages_per_s = 100.0\n'
        )

    def change(self, data: bytes, random: Random) -> bytes:
        """Give a key another value, move a line, or scramble."""
        lines = data[1:].split(b"\n")
        number = random.randrange(len(lines))
        match random.randrange(4):
            case 0:
                key, _, _ = lines[number].partition(b"=")
                lines[number] = key + b"= " + random.choice(NUMBERS).encode()
            case 1:
                lines.insert(random.randrange(len(lines) + 1), lines[number])
            case 2:
                del lines[number]
            case _:
                return data[:1] + changed_bytes(data[1:], random)
        return data[:1] + b"\n".join(lines)

    def run(self, data: bytes) -> str:
        """Write the file and read it."""
        self._path.write_bytes(data[1:])
        config: NodeConfig | CollectorConfig
        try:
            config = (load_config if data[:1] == b"c" else load_node_config)(self._path)
        except ConfigError as error:
            require(str(error).isprintable(), "an error is one line")
            require(self._path.name in str(error), "an error names the file")
            return "refused"
        require("\0" not in repr(msgspec.to_builtins(config)), "no name holds NUL")
        return type(config).__name__

    def finish(self) -> None:
        """Remove the file."""
        self._folder.cleanup()


class Recordings(Target):
    """Sound files: blocks of the shape that they announce, or a :class:`SensorError`."""

    words = (b"RIFF", b"WAVE", b"fmt ", b"data", b"fLaC")

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="skolro-fuzz-")
        self._path = Path(self._folder.name) / "sound"

    def seeds(self) -> Iterable[bytes]:
        """Short files of several kinds."""
        sound = 0.1 * np.sin(np.arange(400) / 7.0)
        for kind, subtype, channels in (
            ("WAV", "PCM_16", 1), ("WAV", "FLOAT", 2), ("FLAC", "PCM_16", 1), ("AIFF", "PCM_24", 1),
        ):  # fmt: skip
            made = io.BytesIO()
            frames = np.repeat(sound[:, None], channels, axis=1)
            soundfile.write(made, frames, 16_000, subtype=subtype, format=kind)
            yield made.getvalue()

    def change(self, data: bytes, random: Random) -> bytes:
        """Change a number of the header, or scramble."""
        if random.random() < 0.5 or len(data) < 48:
            return changed_bytes(data, random)
        at = random.randrange(4, 44, 2)
        number = random.choice((0, 1, 2, 63, 64, 1000, 65535, 2**31 - 1, 2**32 - 1))
        return data[:at] + struct.pack("<I", number) + data[at + 4 :]

    def run(self, data: bytes) -> str:
        """Play some of it."""
        self._path.write_bytes(data)
        # Every other file is played at a level, for which all of it is read beforehand.
        level_db = 60.0 if len(data) % 2 else None
        config = RecordingConfig(path=str(self._path), real_time=False, laeq_db=level_db)
        try:
            with RecordingInput(config) as played:
                for number, block in enumerate(played.blocks()):
                    shape = block.pressure_pa.shape
                    require(shape[1] == played.channels, "a block has the channels of its file")
                    require(0 < shape[0] <= played.sample_rate, "a block is a part of a second")
                    if number == 3:
                        break
        except SensorError as error:
            require(str(error).isprintable(), "an error is one line")
            return "refused"
        return "played"

    def finish(self) -> None:
        """Remove the file."""
        self._folder.cleanup()
