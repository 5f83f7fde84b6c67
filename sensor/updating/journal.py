"""What the updater must not forget when the power goes."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from sensor.contract.messages import UpdateReport
from sensor.errors import UpdateError
from sensor.updating.files import write_whole

STATE_FILE: Final = "state.json"
MOST_BAD: Final = 20

What: TypeAlias = Literal["release", "config"]


class Trial(Struct, frozen=True, kw_only=True):
    """Something new that runs and is watched, or that is being returned from.

    Attributes
    ----------
    what : str
        What is new; never both at once, so that it is known which did not work.
    new, old : str
        What the link leads to, and led to.
    identity : str
        SHA-256 by which it is known again should it turn out bad.
    name : str
        For people.
    needs_microphone : bool
        Whether it must measure: its predecessor did.
    boot, begun_s : str and float
        When the process was last asked to start anew, by the clock that nobody sets.
    boots : int
        How often the node itself has started during the trial.
    failure : str
        Why it is returned from; empty while it is tried.
    unheard : bool
        Whether it measured, and only no acknowledgement came: the line may be to blame.
    """

    what: What
    new: str
    old: str
    identity: str
    name: str
    needs_microphone: bool = True
    boot: str = ""
    begun_s: float = 0.0
    boots: int = 0
    failure: str = ""
    unheard: bool = False


class Bad(Struct, frozen=True, kw_only=True):
    """Something that was returned from, and why."""

    identity: str
    name: str
    reason: str


class State(Struct, frozen=True, kw_only=True):
    """All of it; what a newer updater has added is left out.

    Attributes
    ----------
    number, wish_sha256 : int and str
        The newest wish that was believed.
    closed : bool
        Whether nothing more is to be done about it.
    keys : tuple of str
        Whose signatures are believed; empty: those of the card.
    bad : tuple of Bad
        What is not tried again unless asked for, newest last.
    report : UpdateReport
        What was last told.
    """

    number: int = 0
    wish_sha256: str = ""
    closed: bool = True
    keys: tuple[str, ...] = ()
    trial: Trial | None = None
    bad: tuple[Bad, ...] = ()
    report: UpdateReport = UpdateReport(wish=0, config_version=0, state="current")


class Journal:
    """Keeps the state in a file of `folder`."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / STATE_FILE

    def load(self) -> State:
        """Return what was saved last.

        Raises
        ------
        UpdateError
            It cannot be read.
        """
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=State)
        except FileNotFoundError:
            return State()
        except (OSError, msgspec.MsgspecError) as error:
            raise UpdateError(
                f"the updater cannot read its state {self._path} ({error}): delete it, and what "
                "runs now counts as good"
            ) from error

    def save(self, state: State) -> None:
        """Have `state` on the disk when this returns; :class:`OSError` where it cannot be."""
        write_whole(self._path, msgspec.json.encode(state), 0o600)
