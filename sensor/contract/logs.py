"""What a service writes to its log: lines for people, or one JSON object a line for machines."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

from sensor.contract.errors import SkolroError

LogFormat: TypeAlias = Literal["human", "json"]

_HUMAN: Final = "%(levelname)s %(name)s: %(message)s"
_KNOWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class JsonFormatter(logging.Formatter):
    """One JSON object a record: time, level, logger, message, and what it was given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return `record` as a line; line breaks within are written out."""
        at = datetime.fromtimestamp(record.created, UTC)
        entry: dict[str, object] = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry |= {key: value for key, value in vars(record).items() if key not in _KNOWN}
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            entry["stack"] = self.formatStack(record.stack_info)
        # In ASCII, so that no line separator of Unicode and no broken character is in the way.
        return json.dumps(entry, default=str)


def set_up_logging(log_format: LogFormat) -> None:
    """Let all of this process log to stderr, from INFO on.

    In JSON that includes warnings of Python and what ends a thread, which would otherwise print
    lines of another form between.
    """
    handler = logging.StreamHandler()
    if log_format == "human":
        handler.setFormatter(logging.Formatter(_HUMAN))
    else:
        handler.setFormatter(JsonFormatter())
        logging.captureWarnings(capture=True)
        threading.excepthook = _log_end_of_thread
        sys.excepthook = _log_end
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


@contextmanager
def last_word_logged(log_format: LogFormat) -> Iterator[None]:
    """Log an error that is made for people, and end with status 2, where lines are JSON.

    Else it goes on to the command line, which prints it.
    """
    try:
        yield
    except SkolroError as error:
        if log_format == "human":
            raise
        logging.getLogger("skolro").critical("%s", error)
        raise SystemExit(2) from error


def _log_end_of_thread(ended: threading.ExceptHookArgs) -> None:
    name = ended.thread.name if ended.thread else "?"
    error = ended.exc_value
    logging.getLogger("threading").critical("thread %s has failed", name, exc_info=error)


def _log_end(_kind: type[BaseException], error: BaseException, _trace: object) -> None:
    logging.getLogger("skolro").critical("the program has failed", exc_info=error)
