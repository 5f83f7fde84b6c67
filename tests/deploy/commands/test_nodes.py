"""``skolro node add``, ``image``, ``show``, ``move``, ``replace``, ``retire``."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from cryptography import x509
from typer.testing import CliRunner

from collector.commands.node_list import node_list
from collector.ledger.ledger import Ledger
from collector.registry.registry import Registry
from deploy.authority import make_authority
from deploy.commands.node_add import node_add
from deploy.commands.node_image import node_image
from deploy.commands.node_move import node_move
from deploy.commands.node_replace import node_replace
from deploy.commands.node_retire import node_retire
from deploy.commands.node_show import node_show
from deploy.errors import DeployError
from deploy.nodes.image import READ_ONLY_FILE, Wifi
from deploy.nodes.microphones import MICROPHONES
from deploy.nodes.software import UNITS
from sensor.commissioning.opening import Door
from sensor.config import load_node_config
from sensor.contract.errors import SkolroError
from sensor.inputs import MicrophoneConfig
from tests.peers import FakeNode
from tests.sensor.contract.samples import samples

SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ1dCB0aGlzIGlzIG5vIGtleSBvZiBhbnlib2R5 anna@desk"


@pytest.fixture
def config(tmp_path: Path, database_url: str, ledger: Ledger) -> Path:
    """A configuration with an authority."""
    make_authority(tmp_path / "authority")
    (tmp_path / "anna.pub").write_text(SSH_KEY + "\n")
    (tmp_path / "skolro-0.1.0-py3-none-any.whl").write_bytes(b"the wheel")
    path = tmp_path / "collector.toml"
    path.write_text(
        f'ledger = "{database_url}"\n[fleet]\nauthority = "authority"\nbroker_host = "mq.example"\n'
    )
    return path


def run(command: Callable[..., None], *arguments: str | Path) -> str:
    """Run a command as the command line does, and return what it printed."""
    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    if isinstance(result.exception, SkolroError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def added(config: Path, *more: str) -> None:
    """Add a node with two microphones."""
    run(
        node_add, "ekskolan-1", "--site", "ekskolan", "--config", config,
        "--distance", "6.5", "--distance-back", "9.5", "--spacing", "0.3", "--height", "2.8", *more,
    )  # fmt: skip


def image(config: Path, out: Path, *more: str | Path) -> Path:
    """Write its card, and return the folder."""
    run(
        node_image, "ekskolan-1", "--out", out, "--config", config,
        "--ssh-key", config.parent / "anna.pub",
        "--wheel", config.parent / "skolro-0.1.0-py3-none-any.whl", *more,
    )  # fmt: skip
    return out


def shown(config: Path) -> Any:
    return json.loads(run(node_show, "ekskolan-1", "--json", "--config", config))


def test_a_kit_is_made_that_a_node_can_use(config: Path, tmp_path: Path) -> None:
    added(config)
    kit = tmp_path / "nodes" / "ekskolan-1"
    certificate = x509.load_pem_x509_certificate((kit / "client.pem").read_bytes())
    assert certificate.subject.rfc4514_string() == "CN=ekskolan-1"
    assert (kit / "client.key").stat().st_mode & 0o077 == 0
    node = load_node_config(kit / "node.toml")
    assert isinstance(node.input, MicrophoneConfig)
    assert (node.input.device, node.input.channels) == ("skolro", 2)
    assert node.light is not None
    assert (node.node, node.broker.host, node.broker.port) == ("ekskolan-1", "mq.example", 8883)
    assert node.mounting is not None
    assert (node.mounting.distance_m, node.mounting.distance_back_m) == (6.5, 9.5)
    assert (node.mounting.spacing_m, node.mounting.mic_height_m) == (0.3, 2.8)
    (place,) = shown(config)["placements"]
    assert place["geometry"] == {
        "distance_m": 6.5, "distance_back_m": 9.5, "spacing_m": 0.3, "mic_height_m": 2.8
    }  # fmt: skip
    assert shown(config)["keys"] == []


@pytest.mark.parametrize(
    ("options", "full_scale_pa", "floor_db", "said"),
    [
        ([], 28.2, None, "Its full scale is 28.2 Pa, that of an I2S MEMS microphone. Say with"),
        (
            ["--microphone", "ICS-43434 7"], 28.2, 32.0,
            "Its full scale is 28.2 Pa, that of ICS-43434, and levels under 32 dB are flagged.",
        ),
        (["--microphone", "inmp441"], 28.2, 36.0, "that of INMP441, and levels under 36 dB"),
        (["--microphone", "UMIK-1 700-0330"], 20.0, None, "Each UMIK-1 has its own full scale"),
        (["--microphone", "UMIK-1", "--full-scale-pa", "44"], 44.0, None, "is 44 Pa, that of UMIK"),
        (["--microphone", "GRAS 146AE", "--full-scale-pa", "63"], 63.0, None, "that of GRAS 146AE"),
        (["--full-scale-pa", "63"], 63.0, None, "Its full scale is 63 Pa, that of the microphone."),
    ],
)  # fmt: skip
def test_the_kind_of_microphone_decides_its_full_scale(
    config: Path, options: list[str], full_scale_pa: float, floor_db: float | None, said: str
) -> None:
    place = ["--site", "ekskolan", "--distance", "6"]
    assert said in run(node_add, "ekskolan-1", *place, *options, "--config", config)
    node = load_node_config(config.parent / "nodes/ekskolan-1/node.toml")
    assert isinstance(node.input, MicrophoneConfig)
    assert (node.input.full_scale_pa, node.meter.microphone_floor_db) == (full_scale_pa, floor_db)


def test_a_microphone_that_is_not_known_is_refused_with_the_list(config: Path) -> None:
    with pytest.raises(DeployError, match=r"'Neumann U87' begins .* ICS-43434, INMP441, .*UMM-6"):
        run(
            node_add, "ekskolan-1", "--site", "ekskolan", "--distance", "6",
            "--microphone", "Neumann U87", "--config", config,
        )  # fmt: skip
    assert "ekskolan-1" not in run(node_list, "--config", config)


def test_every_microphone_that_is_known_stands_in_the_documentation() -> None:
    text = (Path(__file__).parents[3] / "docs/hardware.md").read_text()
    for one in MICROPHONES:
        (row,) = re.findall(rf"^\| \**{one.name}\** \|.*", text, re.MULTILINE)
        if one.noise_db is not None:
            assert f"{one.noise_db:.0f} dB(A)" in row


def test_the_card_is_what_raspberry_pi_os_reads(config: Path, tmp_path: Path) -> None:
    added(config)
    password = tmp_path / "wifi"
    password.write_text("password\n")
    card = image(
        config, tmp_path / "card", "--wifi", "IEEE", "--wifi-password-file", password,
        "--apn", "online.telia.se",
    )  # fmt: skip
    user = (card / "user-data").read_text()
    assert user.startswith("#cloud-config\n")
    data = yaml.safe_load(user)
    assert (data["hostname"], data["ssh_pwauth"]) == ("ekskolan-1", False)
    (person,) = data["users"]
    assert (person["ssh_authorized_keys"], person["lock_passwd"]) == ([SSH_KEY], True)
    assert data["runcmd"] == [["sh", "/boot/firmware/skolro/first-boot.sh"]]
    network = yaml.safe_load((card / "network-config").read_text())["network"]
    # IEEE 802.11-2020, table J-1: the test vector for this name and passphrase.
    key = "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"
    assert network["wifis"]["wlan0"]["access-points"] == {"IEEE": {"password": key}}
    assert network["modems"]["cdc-wdm0"]["apn"] == "online.telia.se"
    assert yaml.safe_load((card / "meta-data").read_text())["instance-id"].startswith("ekskolan-1-")
    first_run = (card / "firstrun.sh").read_text()
    assert SSH_KEY in first_run
    assert f"set_wlan IEEE {key} SE" in first_run
    assert "password\n" not in first_run + user
    for script in (card / "firstrun.sh", *(card / "skolro").glob("*.sh")):
        subprocess.run(["sh", "-n", script], check=True)


def test_first_boot_takes_the_secrets_off_the_card(config: Path, tmp_path: Path) -> None:
    added(config)
    card, root = image(config, tmp_path / "card"), tmp_path / "root"
    (root / "etc/systemd/system").mkdir(parents=True)
    for _ in range(2):  # a power cut in between: it begins again
        subprocess.run(["sh", card / "skolro/first-boot.sh", root], check=True)
        assert load_node_config(root / "etc/skolro/node.toml").node == "ekskolan-1"
        assert (root / "etc/skolro/client.key").stat().st_mode & 0o007 == 0
        assert (root / "var/lib/skolro/enrolment.secret").stat().st_mode & 0o077 == 0
        assert not (card / "skolro/client.key").exists()
        assert not (card / "skolro/enrolment.secret").exists()
    setup = root / "opt/skolro/setup"
    assert {file.name for file in setup.iterdir()} == {
        "install-node.sh", "node.lock", "skolro-0.1.0-py3-none-any.whl", *UNITS
    }  # fmt: skip
    unit = (root / "etc/systemd/system/skolro-setup.service").read_text()
    assert "ExecStart=/bin/sh /opt/skolro/setup/install-node.sh" in unit


def test_a_read_only_root_is_asked_for_by_a_file_of_the_card(config: Path, tmp_path: Path) -> None:
    added(config)
    told = run(
        node_image, "ekskolan-1", "--out", tmp_path / "card", "--config", config,
        "--ssh-key", config.parent / "anna.pub", "--root", "read-only",
        "--wheel", config.parent / "skolro-0.1.0-py3-none-any.whl",
    )  # fmt: skip
    assert "one word less in the line of cmdline.txt: resize" in told
    assert (tmp_path / "card/skolro" / READ_ONLY_FILE).exists()
    root = tmp_path / "root"
    (root / "etc/systemd/system").mkdir(parents=True)
    subprocess.run(["sh", tmp_path / "card/skolro/first-boot.sh", root], check=True)
    assert (root / "opt/skolro/setup" / READ_ONLY_FILE).exists()
    installer = (tmp_path / "card/skolro/install-node.sh").read_text()
    assert f'"$here/{READ_ONLY_FILE}"' in installer
    # Nobody gets one who did not ask.
    assert not (image(config, tmp_path / "usual") / "skolro" / READ_ONLY_FILE).exists()


def test_microphones_that_are_wired_to_the_board_get_their_overlay_once(
    config: Path, tmp_path: Path
) -> None:
    added(config)
    card, root = image(config, tmp_path / "card", "--i2s"), tmp_path / "root"
    (card / "config.txt").write_text("[pi4]\narm_boost=1\n")
    (root / "etc/systemd/system").mkdir(parents=True)
    for _ in range(2):
        subprocess.run(["sh", card / "skolro/first-boot.sh", root], check=True)
        text = (card / "config.txt").read_text()
        # Whatever filter stood last in the file holds no longer.
        assert text.endswith("[all]\ninclude skolro.txt\n")
        assert text.count("include") == 1
    assert "dtoverlay=googlevoicehat-soundcard" in (card / "skolro.txt").read_text()
    assert not (image(config, tmp_path / "usb") / "skolro.txt").exists()


def test_what_people_changed_in_the_configuration_goes_on_the_card(
    config: Path, tmp_path: Path
) -> None:
    added(config)
    kit = tmp_path / "nodes" / "ekskolan-1" / "node.toml"
    kit.write_text(kit.read_text() + "\n[meter]\nmicrophone_floor_db = 29.0\n")
    card = image(config, tmp_path / "card")
    assert "microphone_floor_db" in (card / "skolro" / "node.toml").read_text()


def test_each_card_has_a_secret_of_its_own(config: Path, tmp_path: Path) -> None:
    added(config)
    secrets = {
        (image(config, tmp_path / name) / "skolro" / "enrolment.secret").read_text()
        for name in ("one", "two")
    }
    assert len(secrets) == 2
    # Only the newest can be used.
    assert len(shown(config)["cards"]) == 1


def test_a_node_moves_is_replaced_and_retired(config: Path, ledger: Ledger) -> None:
    added(config, "--since", "2026-11-02T08:00")
    said = run(
        node_move, "ekskolan-1", "--site", "askolan", "--since", "2026-11-20T12:00",
        "--distance", "4", "--config", config,
    )  # fmt: skip
    assert "Åskolan from 2026-11-20 12:00:00 on" in said
    first, second = shown(config)["placements"]
    assert (first["until"], second["site"]) == (second["since"], "askolan")
    assert second["geometry"] == {"distance_m": 4.0}
    said = run(node_replace, "ekskolan-1", "--config", config)
    assert "skolro broker init" in said
    said = run(node_retire, "ekskolan-1", "--config", config)
    assert "retired" in said
    assert ledger.registry.site_of("ekskolan-1") is None
    table = run(node_show, "ekskolan-1", "--config", config)
    assert "distance_m 4.0" in table
    assert "No card was written" in table


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--spacing", "0.3"], "--distance"),
        (["--since", "soon"], "is no time"),
        (["--site", "nowhere"], "no site 'nowhere'"),
    ],
)
def test_mistakes_when_adding_are_explained(config: Path, arguments: list[str], text: str) -> None:
    site = [] if "--site" in arguments else ["--site", "ekskolan"]
    with pytest.raises(SkolroError, match=text):
        run(node_add, "b-1", *site, *arguments, "--config", config)


def test_without_a_fleet_nothing_is_registered_by_halves(config: Path, ledger: Ledger) -> None:
    config.write_text(config.read_text().partition("[fleet]")[0])
    with pytest.raises(DeployError, match=r"no \[fleet\]"):
        run(node_add, "b-1", "--site", "ekskolan", "--config", config)
    config.write_text(config.read_text() + '[fleet]\nauthority = "none"\nbroker_host = "b"\n')
    with pytest.raises(DeployError, match="certificate"):
        run(node_add, "b-1", "--site", "ekskolan", "--config", config)
    assert ledger.registry.nodes() == []


def test_mistakes_in_images_are_explained(config: Path, tmp_path: Path) -> None:
    with pytest.raises(SkolroError, match="no node 'ekskolan-1'"):
        image(config, tmp_path / "card")
    added(config)
    (tmp_path / "anna.pub").write_text("-----BEGIN OPENSSH PRIVATE KEY-----")
    with pytest.raises(DeployError, match="no public SSH key"):
        image(config, tmp_path / "card")
    (tmp_path / "anna.pub").write_text(SSH_KEY)
    with pytest.raises(DeployError, match=r"cannot read .*nothing"):
        image(
            config, tmp_path / "card", "--wifi", "x", "--wifi-password-file", tmp_path / "nothing"
        )
    with pytest.raises(DeployError, match="access point"):
        image(config, tmp_path / "card", "--apn", "a b; rm")
    (tmp_path / "nodes" / "ekskolan-1" / "client.pem").unlink()
    with pytest.raises(DeployError, match="no complete kit"):
        image(config, tmp_path / "card")
    assert not (tmp_path / "card").exists()


@pytest.mark.parametrize(
    ("wifi", "text"),
    [
        ({"ssid": "", "passphrase": "password"}, "1 to 32 bytes"),
        ({"ssid": "x", "passphrase": "short"}, "8 to 63"),
        ({"ssid": "x", "passphrase": "pässword!"}, "ASCII"),
        ({"ssid": "x", "passphrase": "password", "country": "Sweden"}, "no country"),
    ],
)
def test_mistakes_in_wireless_networks_are_explained(wifi: dict[str, str], text: str) -> None:
    with pytest.raises(DeployError, match=text):
        Wifi(**wifi)


def test_how_a_node_was_commissioned_is_shown(
    config: Path, registry: Registry, ledger: Ledger
) -> None:
    node = FakeNode("ekskolan-1")
    node.register(registry, "ekskolan", datetime(2026, 11, 1, tzinfo=UTC))
    assert "never commissioned" in run(node_show, "ekskolan-1", "--config", config)
    record = samples()["commissioning"]
    ledger.append([node.signed(record)])
    table = run(node_show, "ekskolan-1", "--config", config)
    assert "Anna Ek" in table
    (told,) = shown(config)["commissionings"]
    assert told["technician"] == "Anna Ek"
    assert told["open_points"] == [
        "calibrator_unrepeated", "clock_not_done", "drives_few", "drives_one_way",
    ]  # fmt: skip


def test_the_cards_code_lets_a_phone_in_and_stands_nowhere_on_it(
    config: Path, tmp_path: Path
) -> None:
    added(config)
    card, root = tmp_path / "card", tmp_path / "root"
    told = run(
        node_image, "ekskolan-1", "--out", card, "--config", config, "--access-point",
        "--ssh-key", tmp_path / "anna.pub",
        "--wheel", tmp_path / "skolro-0.1.0-py3-none-any.whl",
    )  # fmt: skip
    found = re.search(r"the code (\S+) .* network (\S+) \(passphrase\s+(\S+)\)", told, re.DOTALL)
    assert found is not None
    code, ssid, passphrase = found.groups()
    assert ssid == "skolro-ekskolan-1"
    for file in card.rglob("*"):
        if file.is_file():
            assert code.encode() not in file.read_bytes()
            assert passphrase.encode() not in file.read_bytes()
    (root / "etc/systemd/system").mkdir(parents=True)
    for _ in range(2):
        subprocess.run(["sh", card / "skolro/first-boot.sh", root], check=True)
        assert list((card / "skolro").glob("*.secret")) == []
    door = Door(root / "var/lib/skolro")
    assert door.path.stat().st_mode & 0o077 == 0
    assert door.try_code(code) is not None
    profile = root / "etc/NetworkManager/system-connections/skolro-setup.nmconnection"
    assert profile.stat().st_mode & 0o077 == 0
    wifi = Wifi(ssid=ssid, passphrase=passphrase)
    assert f"psk={wifi.key}" in profile.read_text()
    assert "mode=ap" in profile.read_text()


def test_a_radio_is_in_one_network_at_a_time(config: Path, tmp_path: Path) -> None:
    added(config)
    with pytest.raises(DeployError, match="cannot be in --wifi and an --access-point at once"):
        image(config, tmp_path / "card", "--access-point", "--wifi", "SCHOOL",
              "--wifi-password-file", tmp_path / "anna.pub")  # fmt: skip
