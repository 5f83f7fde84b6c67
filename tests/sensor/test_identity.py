from __future__ import annotations

from pathlib import Path

import pytest

from sensor.contract.signature import thumbprint
from sensor.errors import IdentityError
from sensor.identity import KEY_FILE, load_or_make_key


def test_the_key_is_made_once_and_readable_by_its_user_only(tmp_path: Path) -> None:
    first = load_or_make_key(tmp_path / "new")
    again = load_or_make_key(tmp_path / "new")
    assert thumbprint(first.public_key()) == thumbprint(again.public_key())
    assert (tmp_path / "new" / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "new").iterdir()] == [KEY_FILE]


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    load_or_make_key(tmp_path)
    (tmp_path / KEY_FILE).chmod(0o644)
    with pytest.raises(IdentityError, match="chmod 600"):
        load_or_make_key(tmp_path)


def test_what_is_no_key_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / KEY_FILE
    path.write_text("nonsense")
    path.chmod(0o600)
    with pytest.raises(IdentityError, match="no private key"):
        load_or_make_key(tmp_path)
    assert path.read_text() == "nonsense"


def test_a_folder_that_cannot_be_made_is_said() -> None:
    with pytest.raises(IdentityError, match="cannot keep"):
        load_or_make_key(Path("/proc/none"))
