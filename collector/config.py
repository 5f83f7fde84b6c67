"""The collector's configuration: one TOML file."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from collector.access_config import Access, Oidc
from collector.alert_config import Alerts, Recipient
from sensor.contract import toml_file
from sensor.contract.errors import ConfigError
from sensor.contract.logs import LogFormat
from sensor.contract.tls import Tls, tls_from

CORE_CONTEXT: Final = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.6.jsonld"
"""Of NGSI-LD's own terms."""

_Port = Annotated[int, Meta(ge=1, le=65535)]


def require_time_zone(name: str) -> None:
    """Return if `name` is a time zone; raise :class:`ValueError` if not."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone: write it as in Europe/Stockholm") from error


def _ledger_url(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise ValueError(f"the ledger {text!r} is no URL: try sqlite:///ledger.sqlite") from error
    if url.get_backend_name() not in {"sqlite", "postgresql"}:
        raise ValueError(
            f"the ledger can be sqlite:///PATH or postgresql://..., not {url.get_backend_name()}"
        )
    return url


class Broker(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the nodes' messages are fetched.

    Attributes
    ----------
    client_id : str
        Names the session that the broker keeps for the collector; unique among its clients.
    share : str, optional
        Name of the group of collectors that share the messages between them.
    password_file : str, optional
        File that holds the password; takes the place of `password`.
    tls : Tls, optional
        Certificates; without it nothing is encrypted.
    """

    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: _Port = 1883
    client_id: Annotated[str, Meta(min_length=1, max_length=200)] = "skolro-collector"
    share: Annotated[str, Meta(pattern=r"^[^/+#]+$")] | None = None
    username: str | None = None
    password: str | None = None
    password_file: str | None = None
    tls: Tls | None = None


class Http(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where pages and API are served.

    Attributes
    ----------
    port : int
        0 takes any that is free.
    base_url : str, optional
        The address under which people reach the pages through a proxy. Where it is of https,
        cookies travel encrypted only, and browsers are told to come by https alone.
    trusted_proxies : list of str
        Addresses or networks of proxies that tell truly for whom they ask (``X-Forwarded-For``).
    """

    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8080
    base_url: Annotated[str, Meta(pattern=r"^https?://[^/?#@]+/?$")] | None = None
    trusted_proxies: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for proxy in self.trusted_proxies:
            try:
                ip_network(proxy)
            except ValueError as error:
                raise ValueError(
                    f"{proxy!r} is no address or network: write 10.0.0.5 or 10.0.0.0/24"
                ) from error

    @property
    def is_encrypted(self) -> bool:
        """Whether people reach the pages by https."""
        return self.base_url is not None and self.base_url.startswith("https://")


class InfluxDB(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The InfluxDB that the ledger is forwarded to.

    Attributes
    ----------
    token_file : str, optional
        File that holds the token; takes the place of `token`.
    messages_per_s : float
        Most messages forwarded a second while catching up.
    """

    url: Annotated[str, Meta(pattern=r"^https?://.")]
    token: str = ""
    token_file: str | None = None
    org: str = "skolro"
    bucket: str = "skolro"
    timeout_s: Annotated[float, Meta(gt=0, le=300)] = 10.0
    messages_per_s: Annotated[float, Meta(gt=0)] = 2000.0


class NgsiLd(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Quarter-hours as NGSI-LD entities, and the context broker that they are pushed to.

    Attributes
    ----------
    url : str, optional
        Of the broker, without ``/ngsi-ld/v1``; None: entities are only served here.
    token_file : str, optional
        File that holds the token; takes the place of `token`.
    tenant : str, optional
        Of the broker.
    context : str
        Address of the JSON-LD context that the terms are of, beside NGSI-LD's own. It is told to
        others and never fetched.
    messages_per_s : float
        Most messages looked at a second while catching up.
    """

    url: Annotated[str, Meta(pattern=r"^https?://.")] | None = None
    token: str = ""
    token_file: str | None = None
    tenant: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_]{1,50}$")] | None = None
    context: Annotated[str, Meta(pattern=r"^https?://[^\s<>\"]+$")] = CORE_CONTEXT
    timeout_s: Annotated[float, Meta(gt=0, le=300)] = 10.0
    messages_per_s: Annotated[float, Meta(gt=0)] = 500.0


class Fleet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``skolro node`` and ``skolro fleet`` need to make new nodes and to update them.

    Attributes
    ----------
    authority : str
        Folder of the certificate authority, as ``skolro broker init`` has made it.
    folder : str
        Where each node's certificate and configuration are kept.
    broker_host, broker_port
        Where nodes reach the broker.
    key_file : str
        The private key that releases and wishes are signed with, made by ``skolro fleet key``.
    releases : str
        Folder of the releases, which the pages serve at ``/releases``.
    release_urls : tuple of str
        Where nodes reach that folder.
    """

    authority: Annotated[str, Meta(min_length=1)]
    broker_host: Annotated[str, Meta(pattern=r"^[A-Za-z0-9.:-]{1,253}$")]
    broker_port: _Port = 8883
    folder: Annotated[str, Meta(min_length=1)] = "nodes"
    key_file: Annotated[str, Meta(min_length=1)] = "fleet.key"
    releases: Annotated[str, Meta(min_length=1)] = "releases"
    release_urls: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^https?://[^\s<>\"]+$", max_length=300)], ...],
        Meta(max_length=4),
    ] = ()


class Page(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For whom the pages are, and in which language and time zone they speak.

    Attributes
    ----------
    base_url : str, optional
        Where people reach the pages from elsewhere, for links in messages and feeds.
    """

    municipality: str = "Kungsbacka"
    language: Literal["sv", "en"] = "sv"
    time_zone: str = "Europe/Stockholm"
    base_url: Annotated[str, Meta(pattern=r"^https?://[^\s?#]+$")] | None = None

    def __post_init__(self) -> None:
        require_time_zone(self.time_zone)


_Days = Annotated[float, Meta(gt=0, le=36_500)]


class Retention(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For how many days the content of each kind of message is kept; None: for ever.

    Nothing is removed by itself: ``skolro collector prune`` does it.
    """

    levels_days: _Days | None = None
    event_days: _Days | None = None
    health_days: _Days | None = None
    calibration_days: _Days | None = None
    alert_days: _Days | None = None
    disturbance_days: _Days | None = None
    photo_days: _Days | None = None

    def days(self, kind: str) -> float | None:
        """Return for how many days messages of `kind` are kept; None: for ever.

        What tells of the chain itself has no limit.
        """
        value: float | None = getattr(self, f"{kind}_days", None)
        return value


class Evidence(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who exports evidence summaries, and with what they are sealed.

    Attributes
    ----------
    authority : str
        Name of the exporting authority, as it stands on the document.
    key_file : str
        Its private key, made by ``skolro evidence key``.
    certificate_file, certificate_key_file : str, optional
        An X.509 certificate and its private key (PEM), for a second signature.
    time_stamp_url : str, optional
        A time stamp service (RFC 3161).
    """

    authority: Annotated[str, Meta(min_length=1, max_length=200)]
    key_file: Annotated[str, Meta(min_length=1)]
    certificate_file: str | None = None
    certificate_key_file: str | None = None
    time_stamp_url: Annotated[str, Meta(pattern=r"^https?://.")] | None = None

    def __post_init__(self) -> None:
        if (self.certificate_file is None) != (self.certificate_key_file is None):
            raise ValueError("certificate_file and certificate_key_file go together")


class CollectorConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it.

    Attributes
    ----------
    ledger : str
        SQLAlchemy URL of SQLite or PostgreSQL.
    log_format : {"human", "json"}
        Lines for people, or a JSON object a line.
    calendar : str, optional
        TOML file of the schools' terms and breaks, which plans and rates go by.
    """

    ledger: str = "sqlite:///ledger.sqlite"
    log_format: LogFormat = "human"
    broker: Broker = Broker()
    http: Http = Http()
    influxdb: InfluxDB | None = None
    ngsi_ld: NgsiLd = NgsiLd()
    fleet: Fleet | None = None
    page: Page = Page()
    retention: Retention = Retention()
    calendar: str | None = None
    alerts: Alerts | None = None
    evidence: Evidence | None = None
    access: Access = Access()

    def __post_init__(self) -> None:
        _ledger_url(self.ledger)
        if self.access.oidc is not None and self.http.base_url is None:
            raise ValueError(
                "[access.oidc] needs http.base_url: the provider sends people back to that address"
            )


def load_config(path: Path) -> CollectorConfig:
    """Return the configuration in the file at `path`, its relative paths taken from there.

    Secrets that are kept in files of their own are read.

    Raises
    ------
    ConfigError
        The file, or a file that it names, cannot be read or used.
    """
    config = toml_file.load(path, CollectorConfig)
    folder = path.resolve().parent
    broker, influxdb = config.broker, config.influxdb
    broker = msgspec.structs.replace(broker, tls=tls_from(folder, broker.tls))
    if broker.password_file is not None:
        password = _secret(folder / broker.password_file, path, "broker.password_file")
        broker = msgspec.structs.replace(broker, password=password)
    if influxdb is not None and influxdb.token_file is not None:
        token = _secret(folder / influxdb.token_file, path, "influxdb.token_file")
        influxdb = msgspec.structs.replace(influxdb, token=token)
    ngsi_ld, fleet = config.ngsi_ld, config.fleet
    if ngsi_ld.token_file is not None:
        token = _secret(folder / ngsi_ld.token_file, path, "ngsi_ld.token_file")
        ngsi_ld = msgspec.structs.replace(ngsi_ld, token=token)
    if fleet is not None:
        names = ("authority", "folder", "key_file", "releases")
        fleet = msgspec.structs.replace(
            fleet, **{name: str(folder / getattr(fleet, name)) for name in names}
        )
    return msgspec.structs.replace(
        config,
        ledger=_ledger_from(folder, config.ledger),
        broker=broker,
        influxdb=influxdb,
        ngsi_ld=ngsi_ld,
        fleet=fleet,
        calendar=None if config.calendar is None else str(folder / config.calendar),
        alerts=_alerts_from(folder, path, config.alerts),
        evidence=_evidence_from(folder, config.evidence),
        access=msgspec.structs.replace(
            config.access, oidc=_with_secret(config.access.oidc, folder, path)
        ),
    )


def _alerts_from(folder: Path, config: Path, alerts: Alerts | None) -> Alerts | None:
    if alerts is None:
        return None
    recipients = tuple(_with_urls(folder, config, one) for one in alerts.recipients)
    return msgspec.structs.replace(alerts, recipients=recipients)


def _with_urls(folder: Path, config: Path, one: Recipient) -> Recipient:
    if one.urls_file is None:
        return one
    text = _secret(folder / one.urls_file, config, f"alerts.recipients ({one.name}).urls_file")
    lines = (line.strip() for line in text.splitlines())
    urls = tuple(line for line in lines if line and not line.startswith("#"))
    if not urls:
        raise ConfigError(f"{config}: {folder / one.urls_file} holds no address: write one a line")
    return msgspec.structs.replace(one, urls=(*one.urls, *urls))


def _evidence_from(folder: Path, evidence: Evidence | None) -> Evidence | None:
    if evidence is None:
        return None
    names = ("key_file", "certificate_file", "certificate_key_file")
    paths = {name: getattr(evidence, name) for name in names}
    absolute = {name: str(folder / path) for name, path in paths.items() if path is not None}
    return msgspec.structs.replace(evidence, **absolute)


def _with_secret(oidc: Oidc | None, folder: Path, config: Path) -> Oidc | None:
    if oidc is None or oidc.client_secret_file is None:
        return oidc
    secret = _secret(folder / oidc.client_secret_file, config, "access.oidc.client_secret_file")
    return msgspec.structs.replace(oidc, client_secret=secret)


def _ledger_from(folder: Path, text: str) -> str:
    url = _ledger_url(text)
    if url.get_backend_name() != "sqlite" or not url.database:
        return text
    return str(url.set(database=str(folder / url.database)))


def _secret(path: Path, config: Path, key: str) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{config}: {key}: cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{config}: {key}: {path} is not UTF-8 text") from error
