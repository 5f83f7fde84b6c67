"""The roots of all errors that Skolro raises on purpose."""

from __future__ import annotations


class SkolroError(Exception):
    """An error whose text is written for the person at the keyboard.

    The text says in one sentence what was wrong, where, and what to do; the command line prints
    it as it is and ends with status 2.
    """


class ContractError(SkolroError, ValueError):
    """A message, topic or signature that the contract does not allow."""


class ConfigError(SkolroError, ValueError):
    """A configuration that cannot be used."""
