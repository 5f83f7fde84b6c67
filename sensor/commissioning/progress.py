"""What was done so far, kept after each step: a restart, or an empty battery, loses nothing."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

from msgspec import Meta, Struct
from msgspec.structs import replace

from sensor.commissioning import files
from sensor.commissioning.problems import WorkError
from sensor.contract.commissioning import Findings, Pass
from sensor.contract.quantities import ShortText
from sensor.errors import CommissioningError

log = logging.getLogger(__name__)

PROGRESS_FILE: Final = "progress.json"
MOST_PASSES: Final = 10


class Progress(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A commissioning that was begun.

    Attributes
    ----------
    passes : tuple of Pass
        The latest vehicles, newest first, of which some may be made drives.
    signed_seq : int, optional
        The message that it ended with.
    """

    begun_at: datetime
    technician: Annotated[ShortText, Meta(min_length=1)]
    organisation: ShortText
    findings: Findings
    passes: Annotated[tuple[Pass, ...], Meta(max_length=MOST_PASSES)] = ()
    signed_seq: int | None = None


class Keeper:
    """Keeps it in the folder `data_dir`, and only as long as it is not signed lets it change.

    Not safe for threads: its owner sees to that.
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / files.FOLDER / PROGRESS_FILE
        self.progress: Progress | None = None
        try:
            self.progress = files.read(self._path, Progress)
        except CommissioningError as error:
            # Measuring goes on, whatever became of this.
            log.error("%s", error)

    @property
    def is_under_way(self) -> bool:
        """Whether something was begun that is not signed."""
        return self.progress is not None and self.progress.signed_seq is None

    def unsigned(self) -> Progress:
        """What is under way; :class:`WorkError` where nothing is."""
        if self.progress is None:
            raise WorkError("not_begun")
        if self.progress.signed_seq is not None:
            raise WorkError("signed")
        return self.progress

    def keep(self, progress: Progress) -> None:
        """Keep this instead; raises as :func:`.files.write`."""
        files.write(self._path, progress)
        self.progress = progress

    def find(self, **found: Any) -> None:
        """Keep what was found, by the names of :class:`Findings`."""
        progress = self.unsigned()
        self.keep(replace(progress, findings=replace(progress.findings, **found)))
