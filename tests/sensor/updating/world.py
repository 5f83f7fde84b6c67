"""A node in a folder, with a service manager, a line and a power supply that tests command."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sensor.contract.fleet import (
    Manifest,
    ReleaseFile,
    WantedConfig,
    WantedRelease,
    Wish,
    encode_wish,
    target_of,
)
from sensor.contract.messages import VERSION, UpdateReport
from sensor.contract.signature import public_key_text, sign
from sensor.errors import UpdateError, UpdateLaterError
from sensor.updating.configs import Configs
from sensor.updating.exchange import RESTART_FILE, Exchange, Proof
from sensor.updating.fetching import Store
from sensor.updating.journal import Journal
from sensor.updating.judging import Timing
from sensor.updating.places import KEYS_FILE, Places
from sensor.updating.software import COMPLETE, Software, release_name
from sensor.updating.updater import Updater

NODE: Final = "ekskolan-1"
KEY: Final = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
TIMING: Final = Timing(measured_s=90, silent_s=600, unheard_s=1800, line_s=60, poll_s=30)
BACKLOG_S: Final = 20.0
"""How long the collector takes to acknowledge what a new process made."""

_HASH: Final = hashlib.sha256(b"").hexdigest()


class PowerCutError(BaseException):
    """The power is gone in the middle of something."""


class Stopper:
    """Cuts the power before or after one of the steps that change something for good."""

    def __init__(self, monkeypatch: Any) -> None:
        self.steps = 0
        self._cut_at = -1
        self._after = False
        replace = Path.replace

        def counted(path: Path, target: str | Path) -> Path:
            self.steps += 1
            if self.steps == self._cut_at and not self._after:
                raise PowerCutError
            done = replace(path, target)
            if self.steps == self._cut_at:
                raise PowerCutError
            return done

        monkeypatch.setattr(Path, "replace", counted)

    def cut(self, steps: int, *, after: bool) -> None:
        """Cut it so many steps from now."""
        self._cut_at, self._after = self.steps + steps, after

    def hold(self) -> None:
        """Cut it no more."""
        self._cut_at = -1


class InstantSoftware(Software):
    """Releases that are there at once, whole."""

    def __init__(self, places: Places, store: Store, world: World) -> None:
        super().__init__(places, store)
        self._world = world

    def manifest(self, wanted: WantedRelease, keys: Any) -> Manifest:  # noqa: ARG002
        self._world.require_line()
        return Manifest(
            version=wanted.version,
            least_python="3.11",
            files=(
                ReleaseFile(
                    name=f"skolro-{wanted.version}-py3-none-any.whl",
                    sha256=_HASH,
                    size=1,
                    targets=(target_of(),),
                ),
            ),
        )

    def fetch(self, manifest: Manifest, wanted: WantedRelease) -> None:  # noqa: ARG002
        self._world.require_line()

    def install(self, manifest: Manifest, wanted: WantedRelease) -> Path:  # noqa: ARG002
        folder = self._places.releases / release_name(wanted)
        folder.mkdir(exist_ok=True)
        (folder / COMPLETE).write_text("")
        return folder

    def tidy(self, kept: set[str]) -> None:
        super().tidy(kept)
        self._world.on_tidy()


class World:
    """A node: what runs behaves as the version of its release and its configuration say.

    ``deaf`` never measures, ``mute`` is never acknowledged, ``crash`` does not start, ``kill``
    takes the whole computer down, anything else works.
    """

    def __init__(self, folder: Path) -> None:
        self.places = Places(
            folder / "node", folder / "etc/node.toml", folder / "state", folder / "run"
        )
        self.on_sleep: Callable[[], None] = lambda: None
        self.on_tidy: Callable[[], None] = lambda: None
        self.now_s = 1000.0
        self.boot = 0
        self.line = True
        self.microphone = "ok"
        self.starts = 0
        self._asked: bytes | None = None
        self._started_s: float | None = None
        self._number = 0
        self.wish: bytes | None = None
        self._make()
        self.switch_on()

    def _make(self) -> None:
        places = self.places
        for path in (places.releases / "1.0", places.configs, places.state, places.config.parent):
            path.mkdir(parents=True)
        (places.state / "files").mkdir()
        places.exchange.mkdir()
        (places.releases / "1.0" / COMPLETE).write_text("")
        places.current.symlink_to(places.releases / "1.0")
        places.good.symlink_to(places.releases / "1.0")
        (places.configs / "card.toml").write_text(f'node = "{NODE}"\n')
        places.current_config.symlink_to("card.toml")
        places.config.symlink_to(places.current_config)
        places.config.with_name(KEYS_FILE).write_text(public_key_text(KEY.public_key()) + "\n")

    # --- the server

    def wishes(
        self,
        release: str | WantedRelease | None = None,
        config: tuple[int, str] | None = None,
        *,
        again: bool = False,
        number: int | None = None,
        **changes: Any,
    ) -> Wish:
        """Have the server wish something."""
        self._number = self._number + 1 if number is None else number
        made = Wish(
            v=VERSION,
            node=NODE,
            number=self._number,
            keys=(public_key_text(KEY.public_key()),),
            release=wanted(release, again=again) if isinstance(release, str) else release,
            config=None
            if config is None
            else WantedConfig(version=config[0], toml=config[1], again=again),
        )
        made = msgspec.structs.replace(made, **changes)
        self.wish = encode_wish(made)
        self.hand_on()
        return made

    def hand_on(self, signature: str | None = None) -> None:
        """Let what the server wishes arrive."""
        if self.line and self.wish is not None:
            told = sign(self.wish, KEY) if signature is None else signature
            Exchange(self.places.exchange).hand_on(self.wish, told)

    def require_line(self) -> None:
        """Fail as a download does."""
        if not self.line:
            raise UpdateLaterError("the line is away")

    # --- the node

    def switch_on(self) -> None:
        """Start the computer: what was in memory is gone."""
        self.boot += 1
        for path in self.places.exchange.iterdir():
            path.unlink()
        self._asked = None
        self._start()
        self.hand_on()

    def _start(self) -> None:
        assert self.is_whole, "what is to run is not whole"
        self.starts += 1
        self._started_s = None if "crash" in self.behaviour else self.now_s

    @property
    def release(self) -> str:
        """What runs."""
        return self.places.current.readlink().name.rsplit("-", 1)[0]

    @property
    def config(self) -> str:
        """With which configuration."""
        return self.places.config.read_text()

    @property
    def behaviour(self) -> str:
        """How what runs now behaves."""
        return self.config + self.places.current.readlink().name

    @property
    def is_whole(self) -> bool:
        """Whether what the links lead to can be started."""
        links = (self.places.current, self.places.good)
        return all((link / COMPLETE).exists() for link in links) and NODE in self.config

    @property
    def report(self) -> UpdateReport:
        """What the updater told last."""
        return Journal(self.places.state).load().report

    def run(self) -> None:
        """Start the updater, until it has nothing to do."""
        store = Store(self.places.state / "files", sleep=self.sleep)
        Updater(
            self.places,
            InstantSoftware(self.places, store, self),
            Configs(self.places, check),
            TIMING,
            f"{self.boot:08x}",
            lambda: self.now_s,
            self.sleep,
        ).run()

    def sleep(self, seconds: float) -> None:
        """Let time pass: the service manager restarts what it is asked to, and it measures."""
        self.now_s += seconds
        self.on_sleep()
        asked = self.places.exchange / RESTART_FILE
        if asked.exists() and asked.read_bytes() != self._asked:
            self._asked = asked.read_bytes()
            self._start()
            self.hand_on()
        if "kill" in self.behaviour:
            raise PowerCutError
        self._prove()

    def _prove(self) -> None:
        if self._started_s is None:
            return
        since_s = self.now_s - self._started_s
        deaf = "deaf" in self.behaviour or self.microphone != "ok"
        heard = self.line and "mute" not in self.behaviour and since_s > BACKLOG_S
        Exchange(self.places.exchange).show(
            Proof(
                boot=f"{self.boot:08x}",
                started_s=self._started_s,
                version=self.release,
                config_sha256=_HASH,
                valid_s=0 if deaf else int(since_s),
                microphone="dead" if deaf else "ok",
                first_seq=10,
                acked_seq=10 if heard else 9,
            )
        )


def wanted(version: str, *, again: bool = False) -> WantedRelease:
    """A release of that version, which is of that hash."""
    return WantedRelease(
        version=version,
        manifest_sha256=hashlib.sha256(version.encode()).hexdigest(),
        urls=("http://127.0.0.1:1/releases",),
        again=again,
    )


def check(new: Path, _old: Path) -> None:
    """As a release looks at a configuration."""
    if NODE not in new.read_text():
        raise UpdateError("line 1: node: it is another")
