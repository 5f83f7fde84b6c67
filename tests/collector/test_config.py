"""The configuration: defaults that work, paths from where the file is, mistakes explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.config import CollectorConfig, load_config
from sensor.contract.codec import KINDS
from sensor.contract.errors import ConfigError


def load(folder: Path, text: str) -> CollectorConfig:
    """Load a configuration of that text."""
    path = folder / "collector.toml"
    path.write_text(text)
    return load_config(path)


def test_an_empty_file_is_a_whole_configuration(tmp_path: Path) -> None:
    config = load(tmp_path, "")
    assert config.ledger == f"sqlite:///{tmp_path}/ledger.sqlite"
    assert (config.broker.host, config.broker.port) == ("127.0.0.1", 1883)
    assert config.influxdb is None
    assert config.page.time_zone == "Europe/Stockholm"


def test_retention_is_for_ever_unless_told(tmp_path: Path) -> None:
    kept = load(tmp_path, "[retention]\nlevels_days = 90").retention
    assert {kind: kept.days(kind) for kind in KINDS} == dict.fromkeys(KINDS) | {"levels": 90.0}
    with pytest.raises(ConfigError, match="event_days"):
        load(tmp_path, "[retention]\nevent_days = 0")


def test_all_of_it(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "mqtt").write_text("öppna\n")
    (tmp_path / "secrets" / "influx").write_text("token-1\n")
    config = load(
        tmp_path,
        """
        ledger = "postgresql://skolro:s3cret@db/skolro"
        [broker]
        host = "mosquitto"
        port = 8883
        client_id = "collector-1"
        share = "skolro"
        username = "collector"
        password_file = "secrets/mqtt"
        [http]
        host = "0.0.0.0"
        port = 0
        [influxdb]
        url = "http://influxdb:8086"
        token_file = "secrets/influx"
        org = "kommunen"
        bucket = "buller"
        [page]
        municipality = "Exempelby"
        language = "en"
        time_zone = "Europe/Helsinki"
        """,
    )
    assert config.ledger == "postgresql://skolro:s3cret@db/skolro"
    assert (config.broker.password, config.broker.share) == ("öppna", "skolro")
    assert config.influxdb is not None
    assert config.influxdb.token == "token-1"  # noqa: S105 - it is the file's text
    assert config.page.language == "en"


def test_an_absolute_ledger_stays_where_it_is(tmp_path: Path) -> None:
    config = load(tmp_path, 'ledger = "sqlite:////var/lib/skolro/ledger.sqlite"')
    assert config.ledger == "sqlite:////var/lib/skolro/ledger.sqlite"


@pytest.mark.parametrize(
    ("text", "explanation"),
    [
        ("[brokr]\n", r"line 1: brokr is not a known key: did you mean broker\?"),
        ("[broker]\nport = 70000\n", r"line 2: broker.port: .*65535"),
        ('[broker]\nport = "1883"\n', r"line 2: broker.port: expected `int`"),
        ('ledger = "mysql://db"\n', r"ledger .*not mysql"),
        ('ledger = "ledger.sqlite"\n', r"is no URL: try sqlite:///"),
        ('[page]\ntime_zone = "Kungsbacka"\n', r"page: .*is no time zone"),
        ('[broker]\npassword_file = "none"\n', r"broker.password_file: cannot read .*none"),
        ("[influxdb]\n", r"influxdb.url is missing"),
    ],
)
def test_mistakes_are_explained(tmp_path: Path, text: str, explanation: str) -> None:
    with pytest.raises(ConfigError, match=explanation):
        load(tmp_path, text)
