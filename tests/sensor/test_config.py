"""The tables of ``node.toml`` that say where messages go and how long they are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.config import load_config
from sensor.config import NodeConfig, load_node_config
from sensor.contract.errors import ConfigError
from sensor.contract.tls import Tls
from sensor.outbox import Retention

HEAD = 'node = "ekskolan-1"\n[input]\nkind = "street"\n'
TLS = '[broker.tls]\nca_file = "ca.pem"\ncertificate_file = "a/own.pem"\nkey_file = "/own.key"\n'


def load(folder: Path, text: str) -> NodeConfig:
    path = folder / "node.toml"
    path.write_text(HEAD + text)
    return load_node_config(path)


def test_without_a_word_there_is_no_tls_and_a_month_is_kept(tmp_path: Path) -> None:
    config = load(tmp_path, "")
    assert config.broker.tls is None
    assert config.outbox == Retention(keep_days=30, max_bytes=256 * 2**20)


def test_files_are_taken_from_where_the_configuration_is_on_both_sides(tmp_path: Path) -> None:
    expected = Tls(
        ca_file=f"{tmp_path}/ca.pem", certificate_file=f"{tmp_path}/a/own.pem", key_file="/own.key"
    )
    assert load(tmp_path, TLS).broker.tls == expected
    path = tmp_path / "collector.toml"
    path.write_text(TLS)
    assert load_config(path).broker.tls == expected


def test_how_long_is_told(tmp_path: Path) -> None:
    config = load(tmp_path, "[outbox]\nkeep_days = 90\nmax_bytes = 1000\n")
    assert config.outbox == Retention(keep_days=90, max_bytes=1000)


@pytest.mark.parametrize(
    ("text", "explanation"),
    [
        ("[outbox]\nkeep_day = 3\n", r"line 5: outbox.keep_day .*did you mean keep_days\?"),
        ("[outbox]\nkeep_days = -1\n", r"line 5: outbox.keep_days: .*>= 0"),
        (
            '[broker.tls]\nca_file = "x"\nkey_file = "y"\n',
            r"broker.tls.certificate_file is missing",
        ),
        (TLS.replace("ca.pem", ""), r"line 5: broker.tls.ca_file: "),
    ],
)
def test_mistakes_are_explained(tmp_path: Path, text: str, explanation: str) -> None:
    with pytest.raises(ConfigError, match=explanation):
        load(tmp_path, text)
