"""``skolro broker init``, ``certificate`` and ``revoke``: from nothing to a broker's files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography import x509

from deploy.authority import COLLECTOR, Authority
from deploy.commands.broker_certificate import broker_certificate
from deploy.commands.broker_init import broker_init
from deploy.commands.broker_revoke import broker_revoke
from deploy.errors import DeployError
from sensor.contract.tls import Tls, client_context


def test_from_nothing_to_a_broker_and_its_clients(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    authority, folder = tmp_path / "authority", tmp_path / "broker"
    broker_init(folder, authority, ["broker.example"])
    first = (folder / "server.pem").read_bytes()
    assert "listener 8883\n" in (folder / "mosquitto.conf").read_text()
    assert "keyfile /etc/skolro/broker/server.key\n" in (folder / "mosquitto.conf").read_text()
    assert f"user {COLLECTOR}\n" in (folder / "acl").read_text()
    capsys.readouterr()
    for name in (COLLECTOR, "ekskolan-1"):
        broker_certificate(name, authority)
        files = capsys.readouterr().out.splitlines()[-3:]
        assert all(Path(file).is_file() for file in files)
    broker_revoke("ekskolan-1", authority)
    assert "Revoked 1 for ekskolan-1" in capsys.readouterr().out
    broker_init(folder, authority, ["broker.example"])
    assert (folder / "server.pem").read_bytes() != first
    assert (folder / "ca.pem").read_bytes() == Authority(authority).ca_file.read_bytes()
    crl = x509.load_pem_x509_crl((folder / "revoked.pem").read_bytes())
    assert len(list(crl)) == 1


def test_a_certificate_is_handed_over_where_it_belongs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    authority, into = tmp_path / "authority", tmp_path / "collector"
    broker_init(tmp_path / "broker", authority, ["broker.example"])
    broker_certificate(COLLECTOR, authority, into, str(os.geteuid()))
    names = {"ca.pem": 0o644, "client.pem": 0o644, "client.key": 0o600}
    assert {file.name: file.stat().st_mode & 0o777 for file in into.iterdir()} == names
    tls = Tls(**{key: str(into / name) for key, name in zip(
        ("ca_file", "certificate_file", "key_file"), names, strict=True
    )})  # fmt: skip
    assert client_context(tls).cert_store_stats()["x509_ca"] == 1
    assert capsys.readouterr().out.splitlines()[-3:] == [str(into / name) for name in names]
    with pytest.raises(DeployError, match=r"no user nobody-at-all to give \S+client.key to"):
        broker_certificate(COLLECTOR, authority, into, "nobody-at-all")


def test_a_certificate_needs_an_authority_and_a_name(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="cannot read the certificate"):
        broker_certificate("ekskolan-1", tmp_path)
    broker_init(tmp_path / "broker", tmp_path, ["broker.example"])
    with pytest.raises(DeployError, match="is no id of a node"):
        broker_certificate("Ekskolan 1", tmp_path)
