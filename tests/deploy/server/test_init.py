"""``skolro server init`` and ``renew``: all is made once, and nothing over."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest
from cryptography import x509

from collector.config import load_config
from collector.database.database import open_database
from collector.errors import RegistryError
from collector.evidence.authority_key import load_private_key
from collector.evidence.manifest import fingerprint
from collector.registry.accounts import Accounts
from collector.roles import Role
from deploy.authority import Authority
from deploy.commands.server_init import server_init
from deploy.commands.server_renew import server_renew
from deploy.errors import DeployError
from deploy.fleet.keys import FleetKeys
from deploy.handover import hand_over
from sensor.contract.tls import client_context
from tests.deploy.server.made import NAME, PASSWORD, accept, run, secret_in, server


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """All files with their modes, but the ledger's."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode)
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("ledger")
    }


def test_what_it_makes_can_be_used_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "server"
    said = server(folder)
    config = load_config(folder / "collector.toml")
    assert config.http.base_url == config.page.base_url == f"https://{NAME}"
    assert config.page.municipality == 'Havsbro "vid havet"'
    assert config.broker.tls is not None
    assert client_context(config.broker.tls).get_ca_certs()
    assert config.fleet is not None
    issued = Authority(Path(config.fleet.authority)).issue_node("ekskolan-1")
    assert Path(issued.certificate_file).parent == folder / "authority/nodes"
    assert config.evidence is not None
    key = load_private_key(Path(config.evidence.key_file))
    assert f"publish {fingerprint(key.public_key())}" in said
    assert FleetKeys(Path(config.fleet.key_file)).public()
    assert Path(config.fleet.releases).is_dir()
    assert config.fleet.release_urls == (f"https://{NAME}/releases",)
    names = x509.load_pem_x509_certificate((folder / "broker/server.pem").read_bytes())
    hosts = names.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in hosts] == [NAME, "127.0.0.1"]


def test_the_administrator_chooses_a_password_by_a_link_that_works_once(tmp_path: Path) -> None:
    first = secret_in(server(tmp_path, "--administrator", "anna"))
    # Nobody has used it: the next one takes its place.
    secret = secret_in(server(tmp_path, "--administrator", "anna"))
    engine = open_database(f"sqlite:///{tmp_path}/ledger.sqlite")
    accounts = Accounts(engine)
    assert accounts.invited(first) is None
    account = accounts.accept(secret, PASSWORD)
    assert (account.name, account.role) == ("anna", Role.ADMINISTRATOR)
    assert accounts.check("anna", PASSWORD) is not None
    assert accounts.invited(secret) is None
    engine.dispose()
    assert "/welcome/" not in server(tmp_path, "--administrator", "anna")


def test_an_account_of_another_role_is_not_made_administrator(tmp_path: Path) -> None:
    server(tmp_path, "--administrator", "anna")
    engine = open_database(f"sqlite:///{tmp_path}/ledger.sqlite")
    Accounts(engine).add("bo", Role.POLICE, None)
    engine.dispose()
    with pytest.raises(RegistryError, match="there is an account bo already"):
        server(tmp_path, "--administrator", "bo")


def test_a_second_run_changes_nothing_and_says_so(tmp_path: Path) -> None:
    accept(tmp_path, server(tmp_path, "--influxdb", "http://127.0.0.1:8086"))
    before = contents(tmp_path)
    said = server(tmp_path, "--influxdb", "http://127.0.0.1:8086")
    assert contents(tmp_path) == before
    assert "made" not in said.replace("to have it made", "")
    assert "Nothing was changed" in said
    assert "not as it would be" not in said


def test_a_run_that_was_cut_short_is_gone_on_with(tmp_path: Path) -> None:
    server(tmp_path)
    before = contents(tmp_path)
    for name in ("collector.toml", "proxy/Caddyfile"):
        (tmp_path / name).unlink()
    said = server(tmp_path)
    assert contents(tmp_path) == before
    assert said.count("made  ") == 2


def test_what_people_changed_stays_and_is_told(tmp_path: Path) -> None:
    server(tmp_path)
    path = tmp_path / "collector.toml"
    path.write_text(path.read_text() + "# of ours\n")
    said = server(tmp_path)
    assert path.read_text().endswith("# of ours\n")
    (line,) = (line for line in said.splitlines() if "not as it would be written now" in line)
    assert line.startswith(f"kept  {path}")


def test_nobody_else_reads_keys_and_secrets(tmp_path: Path) -> None:
    folder = tmp_path / "server"
    server(folder, "--influxdb", "http://127.0.0.1:8086")
    private = [*folder.rglob("*.key"), folder / "secrets/influxdb_token", *folder.glob("ledger*")]
    assert len(private) >= 8
    for path in private:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    for name in ("authority", "tls", "evidence", "secrets"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o700


def test_containers_read_secrets_behind_a_door_that_only_their_owner_passes(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "server"
    server(folder, "--for", "compose")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    secrets = {path.name: path for path in (folder / "secrets").iterdir()}
    assert len({path.read_text() for path in secrets.values()}) == len(secrets) == 4
    for path in secrets.values():
        assert stat.S_IMODE(path.stat().st_mode) == 0o444
        assert re.fullmatch(r"[0-9a-f]{48}\n", path.read_text())
    assert (folder / "grafana/root_url").read_text() == f"https://grafana.{NAME}\n"


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--name", "https://skolro.example"], "without https://"),
        (["--name", "skolro"], "full name"),
        (["--name", "10.0.0.1"], "full name"),
        (["--name", "a.example", "--grafana-name", "a.example"], "another name"),
        (["--name", "a.example", "--certificate", "x.pem"], "give both"),
        (["--name", "a.example", "--broker-name", "mqtts://b"], "--broker-name"),
        (["--name", "a.example", "--owner", "nobody-of-that-name"], "no user"),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_is_made(
    options: list[str], word: str, tmp_path: Path
) -> None:
    if "--owner" in options and os.geteuid() != 0:
        pytest.skip("only root gives files away")
    with pytest.raises(DeployError, match=re.escape(word)):
        run(server_init, "--municipality", "Havsbro", "--out", tmp_path / "new", *options)
    assert not (tmp_path / "new").exists()


def test_renewing_keeps_names_and_owners_and_takes_over_what_was_revoked(tmp_path: Path) -> None:
    server(tmp_path, "--broker-name", "192.0.2.7")
    before = contents(tmp_path)
    authority = Authority(tmp_path / "authority")
    hand_over(authority.issue_node("ekskolan-1"), tmp_path / "nodes/ekskolan-1")
    authority.revoke("ekskolan-1")
    assert "What was revoked counts once it is restarted" in run(server_renew, tmp_path)
    after = contents(tmp_path)
    renewed = {"broker/server.pem", "broker/server.key", "broker/revoked.pem", "tls/client.pem"}
    for name in renewed:
        assert after[name][0] != before[name][0]
        assert after[name][1] == before[name][1]
    for name in ("broker/mosquitto.conf", "broker/acl", "collector.toml", "authority/ca.key"):
        assert after[name] == before[name]
    certificate = x509.load_pem_x509_certificate(after["broker/server.pem"][0])
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["192.0.2.7", "127.0.0.1"]
    revoked = x509.load_pem_x509_crl(after["broker/revoked.pem"][0])
    assert len(list(revoked)) == 1


def test_renewing_what_is_no_server_says_so(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="cannot read the certificate"):
        run(server_renew, tmp_path)
