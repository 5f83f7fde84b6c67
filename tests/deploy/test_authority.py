"""Certificates: who they are for, what they are good for, how long; what is kept from whom."""

from __future__ import annotations

import ipaddress
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec.structs import replace

from deploy.authority import COLLECTOR, Authority, Validity, make_authority
from deploy.errors import DeployError
from sensor.contract.errors import ConfigError
from sensor.contract.tls import Tls, client_context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A new authority."""
    return make_authority(tmp_path / "authority")


def certificate_of(tls: Tls) -> x509.Certificate:
    return x509.load_pem_x509_certificate(Path(tls.certificate_file).read_bytes())


def common_name(certificate: x509.Certificate) -> str:
    (attribute,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(attribute.value)


def usages(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


def openssl_verify(authority: Authority, tls: Tls, purpose: str) -> bool:
    """What another program makes of a certificate, strictly and with the list of revoked ones."""
    ended = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-crl_check", "-purpose", purpose,
         "-CAfile", str(authority.ca_file), "-CRLfile", str(authority.crl_file),
         tls.certificate_file],
        capture_output=True, check=False,
    )  # fmt: skip
    return ended.returncode == 0


def test_a_node_is_named_by_its_id_and_can_only_be_a_client(authority: Authority) -> None:
    tls = authority.issue_node("ekskolan-1")
    certificate = certificate_of(tls)
    assert common_name(certificate) == "ekskolan-1"
    assert usages(certificate) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert openssl_verify(authority, tls, "sslclient")
    assert not openssl_verify(authority, tls, "sslserver")


def test_the_broker_is_named_by_its_hosts_and_can_only_be_a_server(authority: Authority) -> None:
    tls = authority.issue_server(["broker.example", "192.0.2.7", "::1"])
    certificate = certificate_of(tls)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["broker.example"]
    assert names.get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address("192.0.2.7"), ipaddress.ip_address("::1")
    ]  # fmt: skip
    assert usages(certificate) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert openssl_verify(authority, tls, "sslserver")
    assert not openssl_verify(authority, tls, "sslclient")


def test_no_certificate_can_issue_others(authority: Authority) -> None:
    for tls in (authority.issue_node("a"), authority.issue_collector()):
        extensions = certificate_of(tls).extensions
        assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        assert not extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


@pytest.mark.parametrize("name", ["", "A", "a/b", "#", "+", "a b", COLLECTOR, "a" * 64, "a\n"])
def test_no_node_gets_a_name_that_means_more(authority: Authority, name: str) -> None:
    with pytest.raises(DeployError, match="is no id of a node"):
        authority.issue_node(name)


@pytest.mark.parametrize("name", ["ekskolan-1", "skolro.collector.", "skolro.collectors", "#"])
def test_no_collector_gets_the_name_of_a_node(authority: Authority, name: str) -> None:
    with pytest.raises(DeployError, match="is no name of a collector"):
        authority.issue_collector(name)


def test_each_of_several_collectors_has_its_name(authority: Authority) -> None:
    second = authority.issue_collector(f"{COLLECTOR}.2")
    assert common_name(certificate_of(authority.issue_collector())) == COLLECTOR
    assert common_name(certificate_of(second)) == f"{COLLECTOR}.2"


def test_hosts_that_cannot_be_named_are_refused(authority: Authority) -> None:
    with pytest.raises(DeployError, match="at least one host"):
        authority.issue_server([])
    with pytest.raises(DeployError, match="is no name of a host"):
        authority.issue_server(["åskolan"])


def test_a_certificate_holds_as_long_as_it_is_told(authority: Authority) -> None:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    certificate = certificate_of(authority.issue_node("a", Validity(10, start)))
    assert certificate.not_valid_after_utc == start + timedelta(days=10)
    assert certificate.not_valid_before_utc == start - timedelta(days=1)


def test_a_nodes_certificate_ends_with_its_authority(authority: Authority) -> None:
    lasting = certificate_of(authority.issue_node("a"))
    end = x509.load_pem_x509_certificate(authority.ca_file.read_bytes()).not_valid_after_utc
    assert end - timedelta(minutes=1) < lasting.not_valid_after_utc <= end


def test_keys_are_for_their_owner_only(authority: Authority) -> None:
    authority.issue_server(["localhost"])
    authority.issue_node("a")
    authority.issue_collector()
    keys = list(authority.folder.rglob("*.key"))
    assert len(keys) == 4
    assert {key.stat().st_mode & 0o777 for key in keys} == {0o600}
    assert not list(authority.folder.rglob("*.part"))


def test_each_certificate_has_a_key_of_its_own(authority: Authority) -> None:
    first = Path(authority.issue_node("a").key_file).read_bytes()
    assert Path(authority.issue_node("a").key_file).read_bytes() != first


def test_an_authority_is_not_made_over_another(authority: Authority) -> None:
    before = authority.ca_file.read_bytes()
    with pytest.raises(DeployError, match="holds an authority already"):
        make_authority(authority.folder)
    assert authority.ca_file.read_bytes() == before


def test_an_authority_opened_again_goes_on(authority: Authority) -> None:
    first = authority.issue_node("a")
    again = Authority(authority.folder)
    assert openssl_verify(again, first, "sslclient")
    assert openssl_verify(authority, again.issue_node("b"), "sslclient")


def test_what_is_revoked_stays_revoked(authority: Authority) -> None:
    nodes = {name: authority.issue_node(name) for name in ("a", "b", "c")}
    assert [Authority(authority.folder).revoke(name) for name in ("a", "b", "a")] == [1, 1, 1]
    good = {name for name, tls in nodes.items() if openssl_verify(authority, tls, "sslclient")}
    assert good == {"c"}
    crl = x509.load_pem_x509_crl(authority.crl_file.read_bytes())
    assert len(list(crl)) == 2


def test_all_that_was_issued_for_a_name_is_revoked_and_what_comes_later_is_not(
    authority: Authority, tmp_path: Path
) -> None:
    first = authority.issue_node("a")
    kept = tmp_path / "first.pem"
    kept.write_bytes(Path(first.certificate_file).read_bytes())
    authority.issue_node("a")
    assert authority.revoke("a") == 2
    assert not openssl_verify(authority, replace(first, certificate_file=str(kept)), "sslclient")
    assert openssl_verify(authority, authority.issue_node("a"), "sslclient")
    with pytest.raises(DeployError, match="nothing was ever issued for 'b'"):
        authority.revoke("b")


def test_no_authority_says_so(tmp_path: Path, authority: Authority) -> None:
    with pytest.raises(DeployError, match="cannot read the certificate"):
        Authority(tmp_path)
    (authority.folder / "ca.key").unlink()
    with pytest.raises(DeployError, match="cannot read the authority's key"):
        Authority(authority.folder)
    with pytest.raises(DeployError, match="cannot write"):
        make_authority(Path("/proc/none"))


def test_a_client_is_told_what_is_wrong_with_its_files(authority: Authority) -> None:
    good = authority.issue_node("a")
    other = authority.issue_node("b")
    assert client_context(good).check_hostname
    wrong = {
        "cannot read .*none": Tls(
            ca_file="/none", certificate_file=good.certificate_file, key_file=good.key_file
        ),
        "must be a certificate, a certificate and its key": Tls(
            ca_file=good.ca_file, certificate_file=good.certificate_file, key_file=other.key_file
        ),
        "certificate_file /etc/hostname": Tls(
            ca_file=good.ca_file, certificate_file="/etc/hostname", key_file=good.key_file
        ),
    }
    for explanation, tls in wrong.items():
        with pytest.raises(ConfigError, match=explanation):
            client_context(tls)
    Path(good.key_file).chmod(0o644)
    with pytest.raises(ConfigError, match=r"everybody may read the key .*chmod"):
        client_context(good)
