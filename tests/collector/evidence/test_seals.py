"""Keys, certificates and time stamps, each checked by openssl too."""

from __future__ import annotations

import shutil
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from collector.config import load_config
from collector.evidence.authority_key import load_private_key, load_public_key, make_key, public_pem
from collector.evidence.cms import SignerKey, load_signer
from collector.evidence.errors import EvidenceError
from collector.evidence.export import Exported
from collector.evidence.exporter import exporter_of
from collector.evidence.manifest import fingerprint
from collector.evidence.time_stamp import fetch_time_stamp
from collector.evidence.verify.findings import Verdict
from collector.evidence.verify.seals import Expected
from collector.evidence.verify.verification import verify
from sensor.contract.errors import ConfigError
from tests.collector.evidence import forgery
from tests.collector.evidence.places import EXPORTER, Place

OPENSSL = shutil.which("openssl") or "openssl"


def openssl(*arguments: str | Path, cwd: Path) -> str:
    """Run it, and return what it says."""
    command = [OPENSSL, *map(str, arguments)]
    ended = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout + ended.stderr


def codes(verdict: Verdict, name: str) -> set[str]:
    """What was told by one check."""
    check = verdict.check(name)
    assert check is not None
    return {remark.key for remark in (*check.faults, *check.notes)}


def test_the_key_is_readable_by_its_owner_alone_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "new" / "evidence.key"
    key = make_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_private_key(path).private_bytes_raw() == key.private_bytes_raw()
    with pytest.raises(EvidenceError, match="exists already"):
        make_key(path)


def test_the_fingerprint_is_that_of_openssl(summary: Exported) -> None:
    folder = summary.folder
    der = folder.parent / "authority.der"
    openssl("pkey", "-pubin", "-in", "authority.pem", "-outform", "DER", "-out", der, cwd=folder)
    told = openssl("dgst", "-sha256", "-r", der, cwd=folder)
    assert told.split()[0] == fingerprint(EXPORTER.key.public_key())


def test_the_expected_key_establishes_who_it_was(summary: Exported, tmp_path: Path) -> None:
    for path in (summary.folder, summary.archive, summary.folder / "summary.pdf"):
        verdict = verify(path, Expected(key=EXPORTER.key.public_key()))
        assert verdict.holds
        assert verdict.identity
    pem = tmp_path / "a.pem"
    pem.write_bytes(public_pem(EXPORTER.key.public_key()))
    assert fingerprint(load_public_key(pem)) == fingerprint(EXPORTER.key.public_key())
    pem.write_text("nonsense")
    with pytest.raises(EvidenceError, match="no public key"):
        load_public_key(pem)


def certificate(folder: Path, key: SignerKey) -> tuple[Path, Path]:
    """A certificate of a municipality, and its key, as files."""
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Havsbro kommun")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2036, 1, 1, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    paths = folder / "certificate.pem", folder / "certificate.key"
    paths[0].write_bytes(made.public_bytes(Encoding.PEM))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    paths[1].write_bytes(pem)
    return paths


@pytest.mark.parametrize("kind", ["rsa", "elliptic"])
def test_a_certificates_signature_holds_here_and_by_openssl(
    kind: str, place: Place, tmp_path: Path
) -> None:
    key: SignerKey = (
        rsa.generate_private_key(65537, 2048)
        if kind == "rsa"
        else ec.generate_private_key(ec.SECP256R1())
    )
    paths = certificate(tmp_path, key)
    made = place.export(tmp_path / "out", signer=load_signer(*paths))
    verdict = verify(made.archive, Expected())
    assert verdict.holds
    assert codes(verdict, "certificate") == {"certificate_of"}
    told = openssl(
        "cms", "-verify", "-binary", "-inform", "DER", "-in", "manifest.json.p7s",
        "-content", "manifest.json", "-CAfile", paths[0], "-purpose", "any", "-out", "/dev/null",
        cwd=made.folder,
    )  # fmt: skip
    assert "successful" in told.lower()


def test_a_certificates_signature_is_missed_and_its_change_found(
    place: Place, tmp_path: Path
) -> None:
    paths = certificate(tmp_path, rsa.generate_private_key(65537, 2048))
    made = place.export(tmp_path / "out", signer=load_signer(*paths))
    path = made.folder / "manifest.json.p7s"
    good = path.read_bytes()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert "certificate_broken" in codes(verify(made.folder, Expected()), "certificate")
    path.unlink()
    assert "certificate_missing" in codes(verify(made.folder, Expected()), "certificate")
    # With an RSA key the same manifest gives the same signature.
    again = place.export(tmp_path / "again", signer=load_signer(*paths))
    assert (again.folder / "manifest.json.p7s").read_bytes() == good


def test_a_certificate_with_another_key_is_refused(tmp_path: Path) -> None:
    first = certificate(tmp_path, ec.generate_private_key(ec.SECP256R1()))[0]
    other = tmp_path / "other"
    other.mkdir()
    second = certificate(other, ec.generate_private_key(ec.SECP256R1()))[1]
    with pytest.raises(EvidenceError, match="is not that of the certificate"):
        load_signer(first, second)


_TSA_CONF = """
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
[tsa]
basicConstraints = CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[service]
serial = serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
"""


@contextmanager
def time_stamp_service(folder: Path) -> Iterator[str]:
    """A time stamp service made of ``openssl ts``; yields its URL. Its root is root.pem."""
    (folder / "tsa.conf").write_text(_TSA_CONF)
    (folder / "serial").write_text("01\n")
    new = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-config", "tsa.conf")
    openssl(*new, "-subj", "/CN=Root", "-extensions", "root", "-keyout", "root.key", "-out",
            "root.pem", cwd=folder)  # fmt: skip
    openssl(*new, "-subj", "/CN=Tidstjänst", "-utf8", "-extensions", "tsa", "-CA", "root.pem",
            "-CAkey", "root.key", "-keyout", "tsa.key", "-out", "tsa.pem", cwd=folder)  # fmt: skip

    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            (folder / "query.tsq").write_bytes(query)
            openssl("ts", "-reply", "-config", "tsa.conf", "-section", "service", "-queryfile",
                    "query.tsq", "-signer", "tsa.pem", "-inkey", "tsa.key",
                    "-out", "answer.tsr", cwd=folder)  # fmt: skip
            answer = (folder / "answer.tsr").read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_time_stamp_holds_here_and_by_openssl_and_changes_nothing_else(
    place: Place, summary: Exported, tmp_path: Path
) -> None:
    service = tmp_path / "service"
    service.mkdir()
    with time_stamp_service(service) as url:
        made = place.export(tmp_path / "out", time_stamp_url=url)
    for one in summary.folder.iterdir():
        assert (made.folder / one.name).read_bytes() == one.read_bytes()
    root = x509.load_pem_x509_certificate((service / "root.pem").read_bytes())
    trusted = verify(made.archive, Expected(time_stamp_roots=[root]))
    assert trusted.holds
    assert codes(trusted, "time_stamp") == {"time_stamp_known"}
    assert codes(verify(made.archive, Expected()), "time_stamp") == {"time_stamp_unknown"}
    told = openssl("ts", "-verify", "-in", "manifest.json.tsr", "-data", "manifest.json", "-CAfile",
                   service / "root.pem", cwd=made.folder)  # fmt: skip
    assert "Verification: OK" in told


def test_a_time_stamp_of_something_else_is_found(place: Place, tmp_path: Path) -> None:
    service = tmp_path / "service"
    service.mkdir()
    with time_stamp_service(service) as url:
        made = place.export(tmp_path / "out", time_stamp_url=url)
        (made.folder / "manifest.json.tsr").write_bytes(fetch_time_stamp(b"other", url))
    assert "time_stamp_broken" in codes(verify(made.folder, Expected()), "time_stamp")
    (made.folder / "manifest.json.tsr").write_bytes(b"nonsense")
    assert "time_stamp_broken" in codes(verify(made.folder, Expected()), "time_stamp")


def test_a_stranger_as_root_does_not_make_a_time_stamp_hold(place: Place, tmp_path: Path) -> None:
    service = tmp_path / "service"
    service.mkdir()
    with time_stamp_service(service) as url:
        made = place.export(tmp_path / "out", time_stamp_url=url)
    paths = certificate(tmp_path, rsa.generate_private_key(65537, 2048))
    stranger = x509.load_pem_x509_certificate(paths[0].read_bytes())
    found = verify(made.folder, Expected(time_stamp_roots=[stranger]))
    assert "time_stamp_broken" in codes(found, "time_stamp")


def test_a_service_that_is_not_there_is_told(place: Place, tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="gives no time stamp"):
        place.export(tmp_path / "out", time_stamp_url="http://127.0.0.1:9/")
    assert list((tmp_path / "out").iterdir()) == []


def test_the_configuration_names_who_exports(tmp_path: Path) -> None:
    path = tmp_path / "collector.toml"
    make_key(tmp_path / "evidence.key")
    certificate(tmp_path, ec.generate_private_key(ec.SECP256R1()))
    path.write_text(
        '[evidence]\nauthority = "Havsbro kommun"\nkey_file = "evidence.key"\n'
        'certificate_file = "certificate.pem"\ncertificate_key_file = "certificate.key"\n'
    )
    exporter = exporter_of(load_config(path).evidence)
    assert exporter.name == "Havsbro kommun"
    assert exporter.authority().certificate_sha256 is not None
    with pytest.raises(EvidenceError, match="skolro evidence key"):
        exporter_of(None)
    path.write_text('[evidence]\nauthority = "x"\nkey_file = "k"\ncertificate_file = "c"\n')
    with pytest.raises(ConfigError, match="go together"):
        load_config(path)


def test_who_seals_anew_is_another(summary: Exported, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(summary.folder, tmp_path / "copy"))
    forgery.reseal(folder, forgery.STRANGER)
    found = verify(folder, Expected(key=EXPORTER.key.public_key()))
    assert "exporter_other" in codes(found, "exporter")
