"""The configuration that a new server's collector begins with."""

from __future__ import annotations

import json
from typing import Final

from deploy.mosquitto_config import TLS_PORT
from deploy.server.layout import HTTP_PORT
from deploy.server.wanted import Wanted

CONFIG_FILE: Final = "collector.toml"
TLS_FOLDER: Final = "tls"
EVIDENCE_KEY: Final = "evidence/evidence.key"
FLEET_KEY: Final = "fleet.key"
RELEASES: Final = "releases"
INFLUXDB_TOKEN: Final = "secrets/influxdb_token"  # noqa: S105 - where it is

_CONFIG: Final = """\
# The collector of {name}. Written by skolro server init, which leaves it alone from then on.
ledger = {ledger}
log_format = "json"

[broker]
host = {broker_host}
port = {broker_port}

[broker.tls]
ca_file = "{tls}/ca.pem"
certificate_file = "{tls}/client.pem"
key_file = "{tls}/client.key"

[http]
host = {http_host}
port = {http_port}
base_url = {url}
# The proxy, which tells truly for whom it asks.
trusted_proxies = {proxies}

[page]
municipality = {municipality}
base_url = {url}

# What skolro node and skolro fleet go by.
[fleet]
authority = "authority"
folder = "nodes"
broker_host = {broker_name}
broker_port = {broker_port}
key_file = "{fleet_key}"
releases = "{folder}"
release_urls = [{releases}]

[evidence]
authority = {municipality}
key_file = "{evidence_key}"

# How many days each kind of message is kept; what is not named is kept for ever. What it is to be
# stands in the data protection assessment (docs/dpia.md).
# [retention]
# levels_days = 365
# event_days = 730
"""

_INFLUXDB: Final = """
[influxdb]
url = {url}
token_file = "{token}"
org = "skolro"
bucket = "skolro"
"""


def collector_config(wanted: Wanted) -> str:
    """Return the text of ``collector.toml``."""
    layout = wanted.layout
    text = _CONFIG.format(
        name=wanted.name,
        ledger=_text(wanted.ledger),
        fleet_key=FLEET_KEY,
        folder=RELEASES,
        releases=_text(f"{wanted.url}/releases"),
        broker_host=_text(layout.broker_host),
        broker_port=TLS_PORT,
        tls=TLS_FOLDER,
        http_host=_text(layout.http_host),
        http_port=HTTP_PORT,
        url=_text(wanted.url),
        proxies=_text(list(layout.proxies)),
        municipality=_text(wanted.municipality),
        broker_name=_text(wanted.broker_name),
        evidence_key=EVIDENCE_KEY,
    )
    if wanted.influxdb_url is not None:
        text += _INFLUXDB.format(url=_text(wanted.influxdb_url), token=INFLUXDB_TOKEN)
    return text


def _text(value: str | list[str]) -> str:
    # A JSON string, or a list of them, is one of TOML too.
    return json.dumps(value, ensure_ascii=False)
