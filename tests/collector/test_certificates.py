"""Until when certificates hold, as whoever comes is shown them."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509

from collector.certificates import certificates_of, read_certificate
from collector.config import Broker, CollectorConfig, Http
from collector.operations.certificate_watch import CertificateWatch
from deploy.authority import Authority, Validity, make_authority
from sensor.contract.errors import ConfigError
from sensor.contract.tls import Tls
from tests.peers import free_port, wait_for


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Nobody but its own knows it."""
    return make_authority(tmp_path / "authority")


@contextmanager
def https(tls: Tls) -> Iterator[int]:
    """Somebody who shows a certificate; at which port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.certificate_file, tls.key_file)
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def end_of(tls: Tls) -> datetime:
    """As the file says it."""
    pem = Path(tls.certificate_file).read_bytes()
    return x509.load_pem_x509_certificate(pem).not_valid_after_utc


@pytest.mark.parametrize("days", [30, -1])
def test_what_is_shown_is_told_whoever_vouches_for_it_and_when_it_has_ended(
    authority: Authority, days: int
) -> None:
    start = datetime.now(UTC) - timedelta(days=10)
    shown = authority.issue_server(["127.0.0.1"], Validity(10 + days, start))
    own = authority.issue_collector()
    with https(shown) as port:
        found = certificates_of(
            CollectorConfig(
                broker=Broker(host="127.0.0.1", port=port, tls=own),
                http=Http(base_url=f"https://127.0.0.1:{port}"),
            )
        )
    assert found["broker"].ends == found["pages"].ends == end_of(shown)
    assert found["collector"].ends == end_of(own)
    assert found["authority"].ends > datetime.now(UTC) + timedelta(days=7000)


def test_who_cannot_be_reached_is_not_known(authority: Authority) -> None:
    tls = authority.issue_collector()
    away = CollectorConfig(
        broker=Broker(port=free_port(), tls=tls),
        http=Http(base_url=f"https://127.0.0.1:{free_port()}"),
    )
    assert certificates_of(away).keys() == {"authority", "collector"}
    assert certificates_of(CollectorConfig()) == {}
    Path(tls.certificate_file).write_text("no certificate")
    with pytest.raises(ConfigError, match="cannot read the certificate"):
        read_certificate(Path(tls.certificate_file))
    assert certificates_of(away).keys() == {"authority"}


def test_somebody_looks_by_himself(authority: Authority) -> None:
    watch = CertificateWatch(CollectorConfig(broker=Broker(tls=authority.issue_collector())))
    assert watch.found == {}
    watch.start()
    wait_for(lambda: "authority" in watch.found, 20)
    watch.stop()
