"""Feed one target under atheris, guided by which code each input reaches; a process of its own.

    python -m tests.fuzz.one TARGET FOLDER SECONDS

What was worth keeping is kept in ``FOLDER/corpus``, an input that breaks a law in
``FOLDER/crash-*``, and what became of the inputs is counted in ``FOLDER/outcomes.json``.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from random import Random
from resource import RUSAGE_SELF, getrusage
from typing import Any, Final

from tests.fuzz.targets import open_target

atheris: Any = import_module("atheris")  # it has no types of its own

_SLOWEST_S: Final = 20
"""An input that takes longer hangs its reader."""

_MOST_MORE_MB: Final = 2048


def main(name: str, folder: Path, seconds: float) -> None:
    """Feed the target until the time is over; does not return."""
    logging.disable()
    with atheris.instrument_imports(include=["sensor", "collector"]):
        target = open_target(name)
    outcomes: Counter[str] = Counter()
    end = time.monotonic() + seconds

    def feed(data: bytes) -> None:
        outcomes[target.run(data)] += 1
        if time.monotonic() > end:
            target.finish()
            (folder / "outcomes.json").write_text(json.dumps(outcomes))
            # libFuzzer takes any other way out for a crash of what it feeds.
            os._exit(0)

    def change(data: bytes, most: int, seed: int) -> bytes:
        random = Random(seed)  # noqa: S311 - nothing is to be kept secret
        blindly = random.random() < 0.3
        changed = atheris.Mutate(data, most) if blindly else target.change(data, random)
        return bytes(changed[:most])

    corpus = _corpus(folder, target.seeds())
    words = _dictionary(folder, target.words)
    arguments = [
        sys.argv[0], str(corpus), f"-dict={words}", f"-artifact_prefix={folder}/",
        f"-max_len={target.longest}", f"-timeout={_SLOWEST_S}", f"-rss_limit_mb={_most_mb()}",
        "-print_final_stats=0", "-len_control=0", "-mutate_depth=2",
    ]  # fmt: skip
    atheris.Setup(arguments, feed, custom_mutator=change)
    atheris.Fuzz()


def _most_mb() -> int:
    # The kernel counts the most that the process which started this one ever used as ours.
    return getrusage(RUSAGE_SELF).ru_maxrss // 1024 + _MOST_MORE_MB


def _corpus(folder: Path, seeds: Iterable[bytes]) -> Path:
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    return corpus


def _dictionary(folder: Path, words: tuple[bytes, ...]) -> Path:
    path = folder / "words.dict"
    lines = ('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in words)
    path.write_text("".join(lines))
    return path


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))
