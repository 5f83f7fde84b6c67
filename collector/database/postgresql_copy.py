"""A copy of a PostgreSQL database by its own tools, while others read and write it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Final

from sqlalchemy.engine import URL

from collector.errors import LedgerError

_REVISION: Final = re.compile(rb"^COPY public\.alembic_version .*\n(\w+)\n", re.MULTILINE)
_AFRESH: Final = b"SET lock_timeout = '30s';\nDROP SCHEMA public CASCADE;\nCREATE SCHEMA public;\n"


def dump(url: URL, destination: Path) -> None:
    """Write the database at `url`, as it is at one moment, to the new file `destination`.

    The file appears when it is whole.

    Raises
    ------
    LedgerError
        There is something at `destination`, or pg_dump is missing or failed.
    """
    if destination.exists():
        raise LedgerError(f"there is a file {destination} already: name another")
    unfinished = destination.with_name(f"{destination.name}.unfinished")
    try:
        _run(url, "pg_dump", "--format=custom", "--file", str(unfinished), _place(url))
        unfinished.rename(destination)
    except OSError as error:
        raise LedgerError(f"the dump {destination} cannot be kept: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def revision_in(source: Path) -> str | None:
    """Return of which version the tables in a dump are; None: it holds no ledger.

    Raises
    ------
    LedgerError
        It is no dump, or pg_restore is missing.
    """
    command = ("--data-only", "--table=alembic_version", "--file=-", str(source))
    found = _REVISION.search(_run(None, "pg_restore", *command))
    return None if found is None else found[1].decode()


def load(url: URL, source: Path) -> None:
    """Put what the dump `source` holds in place of all that is in the database, or change nothing.

    Raises
    ------
    LedgerError
        A program is missing, or it failed; the database is as it was, then.
    """
    script = _run(None, "pg_restore", "--clean", "--if-exists", "--no-owner", "--file=-",
                  str(source))  # fmt: skip
    # In one transaction, which pg_restore by itself has not for tables that the dump lacks.
    options = ("--quiet", "--no-psqlrc", "--single-transaction", "--set=ON_ERROR_STOP=1")
    _run(url, "psql", *options, "--output=/dev/null", _place(url), script=_AFRESH + script)


def _place(url: URL) -> str:
    # The password goes by the environment, where other users of the machine cannot read it.
    plain = url.set(drivername="postgresql")._replace(password=None)
    return f"--dbname={plain.render_as_string(hide_password=False)}"


def _run(url: URL | None, program: str, *arguments: str, script: bytes | None = None) -> bytes:
    environment = dict(os.environ)
    if url is not None and url.password:
        environment["PGPASSWORD"] = str(url.password)
    try:
        done = subprocess.run(
            [program, *arguments], input=script, env=environment, capture_output=True, check=False
        )
    except FileNotFoundError as error:
        raise LedgerError(
            f"a ledger on PostgreSQL is copied by {program}: install postgresql-client"
        ) from error
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip().splitlines()
        raise LedgerError(told[0] if told else f"{program} failed with {done.returncode}")
    return done.stdout
