"""Files over a real line that breaks."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from deploy.authority import Validity, make_authority
from sensor.errors import UpdateError, UpdateLaterError
from sensor.updating import fetching
from sensor.updating.fetching import PATIENCE, Store, require_room, require_space
from tests.bad_line import BadLine
from tests.peers import free_port

CONTENT = Random(1).randbytes(300_000)  # noqa: S311
SHA256 = sha256(CONTENT).hexdigest()


@pytest.fixture
def line(tmp_path: Path) -> Iterator[BadLine]:
    served = tmp_path / "served"
    served.mkdir()
    (served / SHA256).write_bytes(CONTENT)
    with BadLine(served) as running:
        yield running


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def store(tmp_path: Path, slept: list[float]) -> Store:
    folder = tmp_path / "store"
    folder.mkdir()
    return Store(folder, sleep=slept.append)


def fetched(store: Store, line: BadLine, sha: str = SHA256) -> bytes:
    return store.fetch(sha, len(CONTENT), [f"{line.url}/{sha}"]).read_bytes()


def test_a_line_that_breaks_all_the_time_is_good_enough(store: Store, line: BadLine) -> None:
    line.breaks_after = 40_000
    assert fetched(store, line) == CONTENT
    # Nothing was sent twice.
    assert line.sent == len(CONTENT)
    assert [ranged for _, ranged in line.asked][:3] == [None, "bytes=40000-", "bytes=80000-"]


def test_what_is_here_is_not_asked_for(store: Store, line: BadLine) -> None:
    assert store.missing_bytes([(SHA256, len(CONTENT))]) == len(CONTENT)
    fetched(store, line)
    assert store.missing_bytes([(SHA256, len(CONTENT))]) == 0
    asked = len(line.asked)
    fetched(store, line)
    assert len(line.asked) == asked


def test_it_goes_on_after_a_power_cut(store: Store, line: BadLine) -> None:
    part = store.path(SHA256).with_name(f"{SHA256}.part")
    part.write_bytes(CONTENT[:123_456])
    assert fetched(store, line) == CONTENT
    assert line.sent == len(CONTENT) - 123_456


def test_a_server_that_knows_no_ranges_begins_anew(store: Store, line: BadLine) -> None:
    line.knows_ranges = False
    part = store.path(SHA256).with_name(f"{SHA256}.part")
    part.write_bytes(CONTENT[:1000])
    assert fetched(store, line) == CONTENT


def test_another_file_than_the_signed_one_is_not_kept(store: Store, line: BadLine) -> None:
    other = "0" * 64
    (Path(store.path(SHA256)).parent.parent / "served" / other).write_bytes(CONTENT)
    with pytest.raises(UpdateError, match="is not the file that was signed") as caught:
        fetched(store, line, other)
    assert not isinstance(caught.value, UpdateLaterError)
    assert not list(store.path(other).parent.iterdir())


def test_a_beginning_that_is_too_long_is_given_up(store: Store, line: BadLine) -> None:
    """As when the same name once stood for something else."""
    small = sha256(b"small").hexdigest()
    (store.path(small).parent.parent / "served" / small).write_bytes(b"small")
    part = store.path(small).with_name(f"{small}.part")
    part.write_bytes(b"something else")
    with pytest.raises(UpdateLaterError, match=r"; [05] of 20 bytes"):
        store.fetch(small, 20, [f"{line.url}/{small}"])
    # What is there now is another beginning.
    assert not part.exists() or part.read_bytes() == b"small"


def test_a_line_that_brings_nothing_is_left_for_later(
    store: Store, line: BadLine, slept: list[float]
) -> None:
    line.answers_wrongly = 503
    with pytest.raises(UpdateLaterError, match="answers 503 Service Unavailable; 0 of 300000"):
        fetched(store, line)
    assert len(slept) == PATIENCE
    line.answers_wrongly, line.breaks_after = None, 0
    with pytest.raises(UpdateLaterError, match="the line broke; 0 of 300000 bytes are here"):
        fetched(store, line)
    line.breaks_after = None
    assert fetched(store, line) == CONTENT


def test_a_second_address_helps_where_the_first_is_gone(store: Store, line: BadLine) -> None:
    gone = f"http://127.0.0.1:{free_port()}/{SHA256}"
    assert store.fetch(SHA256, len(CONTENT), [gone, f"{line.url}/{SHA256}"]).exists()
    with pytest.raises(UpdateLaterError, match=r"cannot be reached \(Connection refused\)"):
        store.fetch("1" * 64, 5, [gone])


def test_a_clock_that_is_wrong_is_told_with_the_certificate(tmp_path: Path, store: Store) -> None:
    authority = make_authority(tmp_path / "authority")
    # Good from tomorrow on, as for a node whose clock is behind.
    tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(days=3)
    server = authority.issue_server(["127.0.0.1"], Validity(10, tomorrow))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certificate_file, server.key_file)
    trusting = Store(store.path("").parent, authority.ca_file, sleep=lambda _: None)
    with BadLine(tmp_path) as line:
        line._server.socket = context.wrap_socket(line._server.socket, server_side=True)
        url = line.url.replace("http", "https")
        with pytest.raises(UpdateLaterError, match=r"not yet valid.* the clock here shows \d{4}-"):
            trusting.fetch(SHA256, 5, [f"{url}/{SHA256}"])


def test_our_own_authority_is_trusted_too(tmp_path: Path, store: Store) -> None:
    authority = make_authority(tmp_path / "authority")
    server = authority.issue_server(["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certificate_file, server.key_file)
    trusting = Store(store.path("").parent, authority.ca_file, sleep=lambda _: None)
    (tmp_path / SHA256).write_bytes(CONTENT)
    with BadLine(tmp_path) as line:
        line._server.socket = context.wrap_socket(line._server.socket, server_side=True)
        url = line.url.replace("http", "https")
        assert trusting.fetch(SHA256, len(CONTENT), [f"{url}/{SHA256}"]).exists()


def test_a_full_disk_waits(tmp_path: Path, store: Store, line: BadLine) -> None:
    with pytest.raises(UpdateLaterError, match=r"the disk is full, with \d+ MB free"):
        require_room(OSError(28, "No space left on device"), tmp_path)
    require_room(OSError(13, "Permission denied"), tmp_path)
    with pytest.raises(UpdateLaterError, match="it waits until there is room"):
        require_space(tmp_path, 10**18)
    full = Path("/dev/full")
    if full.exists():
        store.path(SHA256).with_name(f"{SHA256}.part").symlink_to(full)
        with pytest.raises(UpdateLaterError, match="the disk is full"):
            fetched(store, line)


def test_small_files_are_bounded(store: Store, line: BadLine, slept: list[float]) -> None:
    url = f"{line.url}/{SHA256}"
    assert store.fetch_small(len(CONTENT), [url]) == CONTENT
    with pytest.raises(UpdateError, match="more than the 100 bytes"):
        store.fetch_small(100, [url])
    with pytest.raises(UpdateLaterError, match="answers 404"):
        store.fetch_small(100, [f"{line.url}/nothing"])
    assert len(slept) == fetching.PATIENCE


def test_what_no_release_needs_is_forgotten(store: Store, line: BadLine) -> None:
    fetched(store, line)
    store.path("2" * 64).write_bytes(b"old")
    store.path("3" * 64).with_name("3.part").write_bytes(b"half")
    store.forget_all_but({SHA256})
    assert [path.name for path in store.path(SHA256).parent.iterdir()] == [SHA256]
