"""The ways to a recipient: mail, text message, chat or web hook, by Apprise.

An address is a secret, so it is shown and kept only as Apprise hides it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from apprise import Apprise, AppriseAsset, NotifyBase, NotifyFormat, NotifyType

from collector.alert_config import MessageKind, Recipient
from collector.errors import CollectorError
from sensor.contract.errors import ConfigError

_WARNINGS: Final[Mapping[MessageKind, NotifyType]] = {
    "episode": NotifyType.WARNING,
    "night_level": NotifyType.WARNING,
    "node_silent": NotifyType.WARNING,
    "dead_microphone": NotifyType.FAILURE,
    "calibration_due": NotifyType.INFO,
    "disk": NotifyType.WARNING,
    "card": NotifyType.WARNING,
    "under_voltage": NotifyType.WARNING,
    "clock": NotifyType.WARNING,
    "outbox": NotifyType.WARNING,
    "drift": NotifyType.INFO,
    "server": NotifyType.FAILURE,
    "certificate": NotifyType.WARNING,
    "update": NotifyType.WARNING,
    "weekly": NotifyType.INFO,
}
_LOGGER: Final = logging.getLogger("apprise")


class SendError(CollectorError):
    """A message could not be sent; it may be tried again."""


@dataclass(frozen=True, slots=True)
class Target:
    """One way to one recipient.

    Attributes
    ----------
    key : str
        Names it without telling the address.
    shown : str
        The address without its secrets.
    """

    key: str
    shown: str
    _plugin: NotifyBase

    def send(self, title: str, body: str, kind: MessageKind | None = None) -> None:
        """Send a message and return when the other side has taken it.

        Raises
        ------
        SendError
            It has not, or it cannot be told whether it has.
        """
        kind_of = NotifyType.INFO if kind is None else _WARNINGS[kind]
        with _said() as lines:
            try:
                sent = self._plugin.notify(
                    body=body, title=title, notify_type=kind_of, body_format=NotifyFormat.TEXT
                )
            except Exception as error:
                raise SendError(f"{self.shown}: {type(error).__name__}") from error
        if not sent:
            reason = " ".join(lines[-1].split()) if lines else "it gave no reason"
            raise SendError(f"{self.shown}: {reason}")


def targets_of(recipient: Recipient) -> tuple[Target, ...]:
    """Return the ways to a recipient.

    Raises
    ------
    ConfigError
        An address is none that Apprise knows, or holds several, one of which could fail alone.
    """
    asset = AppriseAsset(app_id="Skolro", app_desc="Skolro", app_url="", async_mode=False)
    found = []
    for number, url in enumerate(recipient.urls, start=1):
        which = f"the recipient {recipient.name!r}: address {number}"
        plugin = Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
        if not isinstance(plugin, NotifyBase):
            raise ConfigError(
                f"{which} ({url.partition(':')[0][:20]}:...) is none that Apprise understands: "
                "see its documentation for how this service is written"
            )
        if len(plugin) > 1:
            raise ConfigError(
                f"{which} names {len(plugin)} at once: give each a line of its own, so that one "
                "that fails is not sent twice to the others"
            )
        # It would wait between messages; ours are few, and others wait behind them.
        plugin.request_rate_per_sec = 0
        shown = plugin.url(privacy=True).partition("?")[0]  # type: ignore[no-untyped-call]  # Apprise has no types here
        found.append(Target(sha256(url.encode()).hexdigest()[:16], shown, plugin))
    return tuple(found)


@contextmanager
def _said() -> Iterator[Sequence[str]]:
    """What Apprise complains of within, in place of its own lines in the log."""
    handler = _Collected()
    propagated = _LOGGER.propagate
    _LOGGER.addHandler(handler)
    _LOGGER.propagate = False
    try:
        yield handler.lines
    finally:
        _LOGGER.propagate = propagated
        _LOGGER.removeHandler(handler)


class _Collected(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
