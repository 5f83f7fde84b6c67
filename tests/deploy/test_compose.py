"""deploy/compose.yaml and what it mounts fit each other and the code; no container is run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import compose_spec
import pytest
import yaml

from collector.outputs.influx_buckets import DEFAULT_POLICY, RETENTIONS, bucket_name
from dashboards.briefing import health as health_routes
from dashboards.grafana.build import BOARDS, RULES
from deploy.mosquitto_config import TLS_PORT
from deploy.server.folder import COMPOSE_SECRETS
from deploy.server.layout import LAYOUTS, PROXY_HEALTH_PORT, Kind
from deploy.server.proxy import CONFIG_FILE, HEALTH_PATH, proxy_config
from deploy.server.renewal import renew
from skolro import COMMANDS, Entry, Group, LazyCommand
from tests.deploy.compose import (
    COLLECTOR,
    COMPOSE,
    DEPLOY,
    LASTING,
    MADE,
    ROOT,
    SERVICES,
    WANTED,
    commands,
    filled,
    mounts,
    strings,
)
from tests.deploy.server.made import server
from tests.peers import wait_for

OURS = {name for name, service in SERVICES.items() if service["image"] == "skolro"}
PROVISIONED = ["../dashboards/grafana/provisioning/datasources/skolro.yaml"]


class TestCompose:
    """The file itself."""

    def test_services(self) -> None:
        assert SERVICES.keys() == {
            "proxy", "mosquitto", "influxdb", "grafana", "collector", "nightly", "renewal", "admin"
        }  # fmt: skip

    def test_the_specification_of_compose_has_all_of_it(self) -> None:
        assert set(read(COMPOSE).service_names()) == set(SERVICES)

    @pytest.mark.parametrize(
        ("service", "setting", "word"),
        [
            ("proxy", {"restrat": "always"}, "restrat"),
            ("proxy", {"depends_on": {"collector": {"condition": "well"}}}, "condition"),
            ("grafana", {"networks": ["nowhere"]}, "nowhere"),
            ("collector", {"ports": ["x:443:443"]}, "ports"),
        ],
    )
    def test_the_specification_has_not_what_is_no_setting(
        self, service: str, setting: dict[str, Any], word: str
    ) -> None:
        changed = {**SERVICES, service: SERVICES[service] | setting}
        with pytest.raises(ValueError, match=word):
            read({**COMPOSE, "services": changed})

    @pytest.mark.parametrize(
        "name", [one for one in SERVICES if SERVICES[one]["image"] != "skolro"]
    )
    def test_images_are_pinned(self, name: str) -> None:
        assert re.fullmatch(r"[\w./-]+:\d+\.\d+\.\d+", SERVICES[name]["image"])

    def test_one_image_of_ours_is_built_once(self) -> None:
        assert {"collector", "nightly", "renewal", "admin"} == OURS
        assert [one for one in OURS if "build" in SERVICES[one]] == ["collector"]

    def test_influxdb_is_version_2(self) -> None:
        assert SERVICES["influxdb"]["image"].startswith("influxdb:2.")

    @pytest.mark.parametrize("name", LASTING)
    def test_every_service_is_watched_and_restarted(self, name: str) -> None:
        assert SERVICES[name]["healthcheck"]["test"]
        assert SERVICES[name]["restart"] == "unless-stopped"

    @pytest.mark.parametrize("name", SERVICES)
    def test_no_service_has_more_rights_than_it_needs_or_fills_the_disk(self, name: str) -> None:
        service = SERVICES[name]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}
        if name in OURS:
            assert service["read_only"] is True
            assert "cap_add" not in service

    @pytest.mark.parametrize("name", LASTING)
    def test_no_service_takes_the_whole_machine(self, name: str) -> None:
        assert re.fullmatch(r"\d+[mg]", SERVICES[name]["mem_limit"])
        assert SERVICES[name]["pids_limit"] > 0

    @pytest.mark.parametrize("name", SERVICES)
    def test_what_is_mounted_is_there(self, name: str) -> None:
        for volume in SERVICES[name]["volumes"]:
            source = volume.split(":")[0]
            if volume.startswith("${"):
                continue  # what server init makes: see below
            if source.startswith("."):
                assert (DEPLOY / source).exists(), source
            else:
                assert source in COMPOSE["volumes"], source

    def test_every_named_volume_is_used(self) -> None:
        used = {v.split(":")[0] for service in SERVICES.values() for v in service["volumes"]}
        assert COMPOSE["volumes"].keys() == {one for one in used if one[0] not in "$."}

    @pytest.mark.parametrize("name", SERVICES)
    def test_secrets_that_are_read_are_given(self, name: str) -> None:
        texts = [*strings(SERVICES[name])]
        texts += [(DEPLOY / one).read_text() for one in PROVISIONED if name == "grafana"]
        for volume in SERVICES[name]["volumes"]:
            path = DEPLOY / volume.split(":")[0]
            files = [path] if path.is_file() else path.glob("*") if path.is_dir() else []
            texts += [file.read_text(encoding="utf-8") for file in files if file.is_file()]
        read = {found for text in texts for found in re.findall(r"/run/secrets/(\w+)", text)}
        given = SERVICES[name].get("secrets", [])
        assert read == {one for one in given if isinstance(one, str)}
        assert read <= COMPOSE["secrets"].keys()

    def test_nothing_has_to_be_set_and_what_can_be_is_documented(self) -> None:
        documented = (ROOT / "docs/server.md").read_text(encoding="utf-8")
        for text in strings(COMPOSE):
            for name, default in re.findall(r"(?<!\$)\$\{(\w+)(:-)?", text):
                assert default, text
                assert f"`{name}`" in documented

    def test_only_two_ports_are_open(self) -> None:
        ports = {port for service in SERVICES.values() for port in service.get("ports", [])}
        assert ports == {f"${{PUBLIC_ADDRESS:-0.0.0.0}}:{port}:{port}" for port in (443, TLS_PORT)}

    def test_each_network_holds_just_those_who_talk_there(self) -> None:
        on = {
            name: {one for one in LASTING if name in SERVICES[one].get("networks", ())}
            for name in COMPOSE["networks"]
        }
        assert on == {
            "outside": {"proxy"},
            "pages": {"proxy", "collector"},
            "boards": {"proxy", "grafana"},
            "figures": {"influxdb", "grafana", "collector"},
            "messages": {"mosquitto", "collector", "nightly"},
        }
        assert {one for one in LASTING if "networks" not in SERVICES[one]} == {"renewal"}
        assert SERVICES["renewal"]["network_mode"] == "none"
        shut = {name for name, one in COMPOSE["networks"].items() if one and one.get("internal")}
        assert shut == {"pages", "boards", "figures"}


class TestCollector:
    """The collector's service, image and configuration."""

    def test_its_command_exists(self) -> None:
        *words, option, path = SERVICES["collector"]["command"]
        assert option in options_of(words)
        assert mounts("collector")[path] == f"{MADE}/collector.toml"

    def test_it_names_the_other_services(self) -> None:
        assert COLLECTOR.broker.host in SERVICES
        assert COLLECTOR.influxdb is not None
        host, _, port = COLLECTOR.influxdb.url.removeprefix("http://").partition(":")
        assert host in SERVICES
        assert COLLECTOR.influxdb.url == SERVICES["grafana"]["environment"]["SKOLRO_INFLUXDB_URL"]
        assert port == "8086"
        assert set(SERVICES["collector"]["depends_on"]) == {COLLECTOR.broker.host, host}

    def test_it_writes_where_grafana_reads(self) -> None:
        assert COLLECTOR.influxdb is not None
        made = SERVICES["influxdb"]["environment"]
        assert COLLECTOR.influxdb.bucket == made["DOCKER_INFLUXDB_INIT_BUCKET"]
        assert COLLECTOR.influxdb.org == made["DOCKER_INFLUXDB_INIT_ORG"]
        read = SERVICES["grafana"]["environment"]["SKOLRO_INFLUXDB_BUCKET"]
        assert COLLECTOR.influxdb.bucket == read

    def test_its_ledger_is_on_a_volume(self) -> None:
        folder = COLLECTOR.ledger.removeprefix("sqlite:///").rpartition("/")[0]
        for service in ("collector", "nightly", "admin"):
            assert mounts(service)[folder] == "ledger"

    def test_it_is_watched_at_its_port(self) -> None:
        url = re.search(
            r"http://127\.0\.0\.1:(\d+)([/\w]+)", SERVICES["collector"]["healthcheck"]["test"][-1]
        )
        assert url is not None
        assert int(url[1]) == COLLECTOR.http.port
        assert url[2] in {getattr(route, "path", "") for route in health_routes.router.routes}

    def test_it_believes_just_the_proxys_network(self) -> None:
        assert COLLECTOR.http.host == "0.0.0.0"
        (subnet,) = COMPOSE["networks"]["pages"]["ipam"]["config"]
        assert COLLECTOR.http.trusted_proxies == (subnet["subnet"],)

    def test_it_has_one_secret_where_its_configuration_looks(self) -> None:
        assert COLLECTOR.influxdb is not None
        assert COLLECTOR.influxdb.token_file is not None
        for service in ("collector", "nightly"):
            (secret,) = SERVICES[service]["secrets"]
            assert secret["target"] == f"/etc/skolro/{COLLECTOR.influxdb.token_file}"


class TestRenewal:
    """What renews certificates."""

    def test_it_alone_has_the_authority_all_the_time_and_finds_all_that_is_renewed(
        self, tmp_path: Path
    ) -> None:
        having = [one for one in LASTING if f"{MADE}/authority" in mounts(one).values()]
        assert having == ["renewal"]
        server(tmp_path / "made", "--for", "compose")
        there = tmp_path / "there"
        there.mkdir()
        for path, source in mounts("renewal").items():
            if source.startswith(MADE):
                name = path.removeprefix("/etc/skolro/")
                assert source == f"{MADE}/{name}"
                (there / name).symlink_to(tmp_path / "made" / name)
        before = (there / "broker/server.pem").read_bytes()
        renew(there)
        assert (there / "broker/server.pem").read_bytes() != before

    def test_its_script_looks_at_once_says_so_to_the_health_check_and_ends_when_told(
        self, tmp_path: Path
    ) -> None:
        made = tmp_path / "made"
        server(made, "--for", "compose")
        script = (DEPLOY / "renewal.sh").read_text(encoding="utf-8")
        looked = SERVICES["renewal"]["healthcheck"]["test"][-1].split()[1]
        assert f"touch {looked}" in script
        process = subprocess.Popen(
            ["sh", "-c", script.replace(looked, str(tmp_path / "looked")), "renewal.sh", made],
            env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        with process:
            try:
                assert process.stdout is not None
                assert "Nothing is due" in process.stdout.readline()
                wait_for((tmp_path / "looked").exists, 20)
                process.terminate()
                assert process.wait(20) == 0
            finally:
                process.kill()


class TestProxy:
    """The proxy's service, beside the configuration that is made for it."""

    def test_it_reads_what_is_made_for_it(self) -> None:
        *_, option, path = SERVICES["proxy"]["command"]
        assert option == "--config"
        folder, _, name = path.rpartition("/")
        assert name == CONFIG_FILE
        assert mounts("proxy")[folder] == f"{MADE}/proxy"

    def test_it_asks_services_that_it_shares_a_network_with(self) -> None:
        upstreams = re.findall(r"reverse_proxy (\w+):(\d+)", proxy_config(WANTED))
        assert upstreams == [("collector", str(COLLECTOR.http.port)), ("grafana", "3000")]
        for name, _ in upstreams:
            assert set(SERVICES["proxy"]["networks"]) & set(SERVICES[name]["networks"])

    def test_it_is_watched_where_it_says_that_it_lives(self) -> None:
        url = SERVICES["proxy"]["healthcheck"]["test"][-1]
        assert url == f"http://127.0.0.1:{PROXY_HEALTH_PORT}{HEALTH_PATH}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a new server."""
    folder = tmp_path_factory.mktemp("server")
    server(folder, "--for", "compose")
    return folder


class TestWhatIsMade:
    """What `skolro server init` makes is what is mounted."""

    def test_all_that_is_mounted_from_there_is_made(self, made: Path) -> None:
        found = {text for text in strings(COMPOSE) if text.startswith(f"{MADE}/")}
        assert len(found) >= 9
        for text in found:
            name = text.removeprefix(f"{MADE}/").split(":")[0]
            assert (made / name).exists(), name

    def test_its_secrets_are_those_that_are_made(self) -> None:
        files = {name: f"{MADE}/secrets/{name}" for name in COMPOSE_SECRETS}
        assert {name: one["file"] for name, one in COMPOSE["secrets"].items()} == files

    def test_grafana_knows_its_address(self, made: Path) -> None:
        path = SERVICES["grafana"]["environment"]["GF_SERVER_ROOT_URL__FILE"]
        folder, _, name = path.rpartition("/")
        source = mounts("grafana")[folder].removeprefix(f"{MADE}/")
        assert (made / source / name).read_text() == f"https://{WANTED.grafana_name}\n"

    def test_the_broker_finds_its_files_where_start_sh_puts_them(self, made: Path) -> None:
        script = (DEPLOY / "mosquitto/start.sh").read_text(encoding="utf-8")
        layout = LAYOUTS[Kind.COMPOSE]
        assert f"files={layout.broker_files}\n" in script
        assert mounts("mosquitto")["/mosquitto/config"] == f"{MADE}/broker"
        assert mounts("mosquitto")[str(layout.broker_data)] == "mosquitto-data"
        assert f"{layout.broker_files}/server.key" in (made / "broker/mosquitto.conf").read_text()
        assert layout.broker_host in SERVICES


def test_the_commands_at_its_top_exist_and_make_what_is_needed() -> None:
    install, build, init, up = commands()
    image = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    (user,) = re.findall(r"--uid (\d+)", image)
    assert install[install.index("-o") + 1] == user == LAYOUTS[Kind.COMPOSE].owner
    assert {f"../{name}" for name in install[-2:]} == {
        filled(MADE), filled(mounts("nightly")["/var/lib/skolro-backup"])
    }  # fmt: skip
    compose = ["docker", "compose", "-f", "deploy/compose.yaml"]
    for command in (build, init, up):
        assert command[:4] == compose
    assert init[4:7] == ["run", "--rm", "admin"]
    words = init[7:]
    assert {word for word in words if word.startswith("--")} <= options_of(words[:2])
    assert words[words.index("--for") + 1] == Kind.COMPOSE
    assert mounts("admin")["/etc/skolro"] == MADE


def read(content: dict[str, Any]) -> compose_spec.PyCompose:
    """What is left of a file once nothing in it is unknown, malformed or missing."""
    found = compose_spec.PyCompose.from_yaml(yaml.safe_dump(filled(content)))
    found.validate()
    return found


def options_of(words: list[str]) -> set[str]:
    """The options of a command of ours."""
    item = COMMANDS[words[0]]
    for word in words[1:]:
        assert isinstance(item, Group)
        item = item.entries[word]
    assert isinstance(item, Entry)
    return {name for one in LazyCommand(words[-1], item).load().params for name in one.opts}


def test_what_the_data_source_takes_from_the_environment_is_there() -> None:
    folder = ROOT / "dashboards/grafana/provisioning"
    texts = [path.read_text(encoding="utf-8") for path in folder.rglob("*.yaml")]
    used = {name for text in texts for name in re.findall(r"\$(\w+)", text)}
    given = SERVICES["grafana"]["environment"].keys()
    assert used - {"__file"} == {name for name in given if name.startswith("SKOLRO_")}


def test_grafana_finds_its_dashboards_and_alert_rules_where_they_are_mounted() -> None:
    mounted = {
        path: (DEPLOY / source).resolve()
        for source, path, *_ in (volume.split(":") for volume in SERVICES["grafana"]["volumes"])
        if source.startswith("..")
    }
    provisioning = mounted["/etc/grafana/provisioning"]
    providers = yaml.safe_load((provisioning / "dashboards/skolro.yaml").read_text())["providers"]
    for provider in providers:
        path = Path(provider["options"]["path"])
        folder = mounted[str(path.parent)] / path.name
        assert {found.stem for found in folder.glob("*.json")} == set(BOARDS)
    rules = provisioning / "alerting/skolro.yaml"
    assert rules.resolve() == RULES.resolve()
    folders = {group["folder"] for group in yaml.safe_load(rules.read_text())["groups"]}
    assert folders <= {provider["folder"] for provider in providers}


def test_influxdb_is_set_up_as_the_collector_would(tmp_path: Path) -> None:
    """init.sh is run with an `influx` that writes down what it is told."""
    calls = tmp_path / "calls"
    stand_in = tmp_path / "influx"
    stand_in.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$*" >> {calls}\n'
        'case "$*" in "bucket list"*) printf "id-of-%s\\tname\\n" "$6";; esac\n'
    )
    stand_in.chmod(0o755)
    (tmp_path / "influxdb_reader_password").write_text("reader-secret")
    script = (DEPLOY / "influxdb/init.sh").read_text(encoding="utf-8")
    environment = SERVICES["influxdb"]["environment"] | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(
        ["bash", "-c", script.replace("/run/secrets", str(tmp_path))], env=environment, check=True
    )
    told = calls.read_text().splitlines()
    for policy, retention in RETENTIONS.items():
        name = bucket_name("skolro", policy)
        if policy is not None:
            (made,) = (
                call for call in told if f"bucket create --org skolro --name {name} " in call
            )
            kept, shard = re.findall(r"--(?:retention|shard-group-duration) (\w+)", made)
            assert _days(kept) == (retention.kept_days or 0)
            assert _days(shard) == retention.shard_days
        (mapped,) = (call for call in told if f"--rp {policy or DEFAULT_POLICY} " in call)
        assert mapped.startswith("v1 dbrp create --org skolro --db skolro ")
        assert f"--bucket-id id-of-{name}" in mapped
        assert mapped.endswith("--default") == (policy is None)
    (reader,) = (call for call in told if call.startswith("v1 auth create"))
    assert re.findall(r"--read-bucket (\S+)", reader) == [
        f"id-of-{bucket_name('skolro', policy)}" for policy in RETENTIONS
    ]
    assert "--write-bucket" not in reader
    assert "--password reader-secret " in reader
    user = SERVICES["grafana"]["environment"]["SKOLRO_INFLUXDB_READER"]
    assert f"--username {user} " in reader


def _days(duration: str) -> int:
    if duration == "0":
        return 0
    return int(duration[:-1]) * {"d": 1, "w": 7}[duration[-1]]
