"""The one command, ``skolro``.

A part is imported only when one of its commands runs, so that a node starts fast and works
without the server's libraries, and the server without a sound card's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, NamedTuple, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from sensor.contract.errors import SkolroError

STATUS_ERROR = 2

# Read when numpy is imported: our matrices are small, and on few cores the threads of a BLAS
# spend more time waiting for each other than they save.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


class Entry(NamedTuple):
    """Where a command is, what it does, and the extra that brings what it needs."""

    path: str
    help: str
    extra: str


class Group(NamedTuple):
    """Commands that belong together."""

    help: str
    entries: Mapping[str, Entry | Group]


COMMANDS: Mapping[str, Entry | Group] = {
    "demo": Entry(
        "deploy.commands.demo:demo", "The whole pipeline on this machine, simulated.", "demo"
    ),
    "sensor": Group(
        "What runs on the node by the school.",
        {
            "run": Entry("sensor.commands.run:run", "Measure and publish until stopped.", "sensor"),
            "measure": Entry(
                "sensor.commands.measure:measure", "Sound levels of recordings.", "sensor"
            ),
            "listen": Entry(
                "sensor.commands.listen:listen", "Events found in recordings.", "sensor"
            ),
            "passby": Entry(
                "sensor.commands.passby:passby", "Speed of a pass-by in a recording.", "sensor"
            ),
            "check-config": Entry(
                "sensor.commands.check_config:check_config",
                "Whether a node can use a configuration.",
                "sensor",
            ),
            "update": Entry(
                "sensor.commands.update:update",
                "Become what the server wishes, or go back.",
                "sensor",
            ),
            "rotate-key": Entry(
                "sensor.commands.rotate_key:rotate_key", "Sign with a new key.", "sensor"
            ),
            "calibrate": Entry(
                "sensor.commands.calibrate:calibrate", "Check with a sound calibrator.", "sensor"
            ),
            "commission": Entry(
                "sensor.commands.commission:commission",
                "Open the page for commissioning.",
                "sensor",
            ),
            "conformance": Entry(
                "sensor.commands.conformance:conformance",
                "Measure the meter against IEC 61672-1 and IEC 61260-1.",
                "sensor",
            ),
            "model": Group(
                "The model that tells kinds of source apart.",
                {
                    "fetch": Entry(
                        "sensor.commands.model_fetch:model_fetch", "Get it.", "classifier"
                    ),
                },
            ),
        },
    ),
    "collector": Group(
        "What receives, keeps and shows on the server.",
        {
            "serve": Entry(
                "deploy.commands.serve:serve",
                "Collect, and serve the pages.",
                "dashboards",
            ),
            "check": Entry("collector.commands.check:check", "Verify the ledger.", "collector"),
            "rebuild": Entry(
                "collector.commands.rebuild:rebuild", "Remake all lists.", "collector"
            ),
            "backup": Entry("collector.commands.backup:backup", "Copy the ledger.", "collector"),
            "restore": Entry(
                "collector.commands.restore:restore", "Bring a copy back.", "collector"
            ),
            "prune": Entry("collector.commands.prune:prune", "Apply retention.", "collector"),
            "replay": Entry(
                "collector.commands.replay:replay", "Fill an emptied InfluxDB again.", "dashboards"
            ),
            "migrate": Entry(
                "collector.commands.migrate:migrate", "Upgrade an older ledger.", "collector"
            ),
            "access-log": Entry(
                "collector.commands.access_log:access_log",
                "Who looked at what.",
                "dashboards",
            ),
            "user": Group(
                "Who may log in to the pages, and in which role.",
                {
                    "add": Entry(
                        "collector.commands.user_add:user_add",
                        "Let somebody log in.",
                        "collector",
                    ),
                    "list": Entry(
                        "collector.commands.user_list:user_list",
                        "Who may log in.",
                        "collector",
                    ),
                    "role": Entry(
                        "collector.commands.user_role:user_role",
                        "Give another role.",
                        "collector",
                    ),
                    "password": Entry(
                        "collector.commands.user_password:user_password",
                        "Give another password.",
                        "collector",
                    ),
                    "disable": Entry(
                        "collector.commands.user_disable:user_disable",
                        "Let log in no longer.",
                        "collector",
                    ),
                    "enable": Entry(
                        "collector.commands.user_enable:user_enable",
                        "Let log in again.",
                        "collector",
                    ),
                    "remove": Entry(
                        "collector.commands.user_remove:user_remove",
                        "Remove for good.",
                        "collector",
                    ),
                },
            ),
            "gap": Group(
                "Numbers that are missing in the nodes' chains.",
                {
                    "list": Entry(
                        "collector.commands.gap_list:gap_list", "What is missing.", "collector"
                    ),
                    "accept": Entry(
                        "collector.commands.gap_accept:gap_accept",
                        "Wait for it no longer.",
                        "collector",
                    ),
                },
            ),
            "alerts": Group(
                "Who is told when something happens.",
                {
                    "list": Entry(
                        "collector.commands.alerts_list:alerts_list",
                        "What was alerted, and what waits.",
                        "dashboards",
                    ),
                    "check": Entry(
                        "collector.commands.alerts_check:alerts_check",
                        "What the rules find now; sends nothing.",
                        "dashboards",
                    ),
                    "test": Entry(
                        "collector.commands.alerts_test:alerts_test",
                        "Send somebody a test.",
                        "dashboards",
                    ),
                },
            ),
            "feed": Group(
                "Secret addresses by which feeds are read without a login.",
                {
                    "add": Entry("collector.commands.feed_add:feed_add", "Make one.", "collector"),
                    "list": Entry(
                        "collector.commands.feed_list:feed_list", "Who has which.", "collector"
                    ),
                    "revoke": Entry(
                        "collector.commands.feed_revoke:feed_revoke", "Close one.", "collector"
                    ),
                },
            ),
            "quarantine": Group(
                "What was refused, and why.",
                {
                    "retry": Entry(
                        "collector.commands.quarantine_retry:quarantine_retry",
                        "Examine again.",
                        "collector",
                    ),
                    "drop": Entry(
                        "collector.commands.quarantine_drop:quarantine_drop",
                        "Remove for good.",
                        "collector",
                    ),
                    "list": Entry(
                        "collector.commands.quarantine_list:quarantine_list",
                        "What was refused, newest first.",
                        "collector",
                    ),
                    "show": Entry(
                        "collector.commands.quarantine_show:quarantine_show",
                        "One refused message, whole.",
                        "collector",
                    ),
                },
            ),
        },
    ),
    "site": Group(
        "Places where nodes measure.",
        {
            "add": Entry("collector.commands.site_add:site_add", "Make a site known.", "collector"),
            "list": Entry("collector.commands.site_list:site_list", "All sites.", "collector"),
            "limit": Group(
                "Speed limits, and when they hold.",
                {
                    "add": Entry(
                        "collector.commands.site_limit_add:site_limit_add",
                        "Add a posted limit.",
                        "collector",
                    ),
                    "list": Entry(
                        "collector.commands.site_limit_list:site_limit_list",
                        "All limits of a site.",
                        "collector",
                    ),
                },
            ),
            "guideline": Group(
                "Levels that a site's are compared with.",
                {
                    "set": Entry(
                        "collector.commands.site_guideline_set:site_guideline_set",
                        "Set a guideline value.",
                        "dashboards",
                    ),
                    "list": Entry(
                        "collector.commands.site_guideline_list:site_guideline_list",
                        "All guideline values of a site.",
                        "collector",
                    ),
                },
            ),
        },
    ),
    "node": Group(
        "The measuring nodes.",
        {
            "add": Entry("deploy.commands.node_add:node_add", "Make a node known.", "dashboards"),
            "image": Entry(
                "deploy.commands.node_image:node_image",
                "Write what goes on its card.",
                "dashboards",
            ),
            "drawing": Entry(
                "deploy.commands.node_drawing:node_drawing",
                "Draw where it hangs, on paper.",
                "dashboards",
            ),
            "show": Entry(
                "deploy.commands.node_show:node_show", "All that is known of one.", "dashboards"
            ),
            "move": Entry(
                "deploy.commands.node_move:node_move",
                "It hangs elsewhere from now on.",
                "dashboards",
            ),
            "replace": Entry(
                "deploy.commands.node_replace:node_replace",
                "New hardware takes its place.",
                "dashboards",
            ),
            "retire": Entry(
                "deploy.commands.node_retire:node_retire", "It was taken down.", "dashboards"
            ),
            "list": Entry("collector.commands.node_list:node_list", "All nodes.", "collector"),
            "key": Group(
                "The keys that nodes sign with.",
                {
                    "list": Entry(
                        "collector.commands.node_key_list:node_key_list", "All keys.", "collector"
                    ),
                    "add": Entry(
                        "collector.commands.node_key_add:node_key_add",
                        "Let a node sign with one more.",
                        "collector",
                    ),
                    "revoke": Entry(
                        "collector.commands.node_key_revoke:node_key_revoke",
                        "Believe one no longer.",
                        "collector",
                    ),
                },
            ),
        },
    ),
    "fleet": Group(
        "How the nodes do, and their software and configurations from afar.",
        {
            "health": Entry(
                "collector.commands.fleet_health:fleet_health",
                "What each needs, and its last 30 days.",
                "dashboards",
            ),
            "mail": Entry(
                "collector.commands.fleet_mail:fleet_mail",
                "The weekly mail.",
                "dashboards",
            ),
            "status": Entry(
                "deploy.commands.fleet_status:fleet_status",
                "What each node runs, and says of it.",
                "dashboards",
            ),
            "update": Entry(
                "deploy.commands.fleet_update:fleet_update",
                "Bring a release to the nodes, wave by wave.",
                "dashboards",
            ),
            "stop": Entry(
                "deploy.commands.fleet_update:fleet_stop", "End an update.", "dashboards"
            ),
            "configure": Entry(
                "deploy.commands.fleet_configure:fleet_configure",
                "Send a node its configuration.",
                "dashboards",
            ),
            "release": Group(
                "What nodes can be updated to.",
                {
                    "make": Entry(
                        "deploy.commands.fleet_release:release_make",
                        "Make and sign one.",
                        "dashboards",
                    ),
                    "list": Entry(
                        "deploy.commands.fleet_release:release_list", "All of them.", "dashboards"
                    ),
                },
            ),
            "key": Entry(
                "deploy.commands.fleet_key:fleet_key",
                "The key that says what nodes run.",
                "dashboards",
            ),
        },
    ),
    "patterns": Group(
        "When and where it happens, where to go, and whether it helped.",
        {
            "rates": Entry(
                "collector.commands.patterns_rates:patterns_rates",
                "How often, by hour of the week.",
                "dashboards",
            ),
            "episodes": Entry(
                "collector.commands.patterns_episodes:patterns_episodes",
                "Passes that belong together, and why.",
                "dashboards",
            ),
            "plan": Entry(
                "collector.commands.patterns_plan:patterns_plan",
                "The best windows of the coming week.",
                "dashboards",
            ),
            "effect": Entry(
                "collector.commands.patterns_effect:patterns_effect",
                "What followed the patrols.",
                "dashboards",
            ),
            "levels": Entry(
                "collector.commands.patterns_levels:patterns_levels",
                "Levels beside guideline values.",
                "dashboards",
            ),
            "speed": Entry(
                "collector.commands.patterns_speed:patterns_speed",
                "V50, V85 and who was too fast.",
                "dashboards",
            ),
            "backtest": Entry(
                "collector.commands.patterns_backtest:patterns_backtest",
                "How good earlier plans would have been.",
                "dashboards",
            ),
        },
    ),
    "evidence": Group(
        "Summaries that a stranger can read and check.",
        {
            "export": Entry(
                "collector.commands.evidence_export:evidence_export",
                "Make one of a site and a period.",
                "evidence",
            ),
            "verify": Entry(
                "collector.commands.evidence_verify:evidence_verify",
                "Check one, anywhere.",
                "verify",
            ),
            "log": Entry(
                "collector.commands.evidence_log:evidence_log",
                "Who made which, and why.",
                "collector",
            ),
            "method": Entry(
                "collector.commands.evidence_method:evidence_method",
                "What a site's numbers may be off by.",
                "evidence",
            ),
            "key": Entry(
                "collector.commands.evidence_key:evidence_key",
                "Make the key that seals them.",
                "collector",
            ),
        },
    ),
    "town": Group(
        "Towns that do not exist, with known truth.",
        {
            "simulate": Entry(
                "deploy.commands.town_simulate:town_simulate",
                "Write the ledger of one.",
                "demo",
            ),
        },
    ),
    "patrol": Group(
        "The log of patrols.",
        {
            "add": Entry("collector.commands.patrol_add:patrol_add", "Log a patrol.", "collector"),
            "list": Entry(
                "collector.commands.patrol_list:patrol_list", "All patrols.", "collector"
            ),
            "remove": Entry(
                "collector.commands.patrol_remove:patrol_remove", "Take one back.", "collector"
            ),
        },
    ),
    "disturbance": Group(
        "What people at schools tell, and whether it was heard.",
        {
            "list": Entry(
                "collector.commands.disturbance_list:disturbance_list",
                "What was told of a site.",
                "dashboards",
            ),
            "link": Group(
                "Links by which schools tell without a login.",
                {
                    "add": Entry(
                        "collector.commands.disturbance_link_add:disturbance_link_add",
                        "Make one.",
                        "dashboards",
                    ),
                    "list": Entry(
                        "collector.commands.disturbance_link_list:disturbance_link_list",
                        "Who has one.",
                        "collector",
                    ),
                    "revoke": Entry(
                        "collector.commands.disturbance_link_revoke:disturbance_link_revoke",
                        "Close one.",
                        "collector",
                    ),
                },
            ),
        },
    ),
    "broker": Group(
        "Who is let in by the MQTT broker.",
        {
            "init": Entry(
                "deploy.commands.broker_init:broker_init",
                "Files of a broker that lets in only whom we know.",
                "dashboards",
            ),
            "certificate": Entry(
                "deploy.commands.broker_certificate:broker_certificate",
                "Let a node or a collector in.",
                "dashboards",
            ),
            "revoke": Entry(
                "deploy.commands.broker_revoke:broker_revoke",
                "Keep one out from now on.",
                "dashboards",
            ),
        },
    ),
    "server": Group(
        "A server as a whole.",
        {
            "init": Entry(
                "deploy.commands.server_init:server_init",
                "Make all that a new one needs.",
                "dashboards",
            ),
            "renew": Entry(
                "deploy.commands.server_renew:server_renew",
                "New certificates for it.",
                "dashboards",
            ),
            "check": Entry(
                "deploy.commands.server_check:server_check",
                "Until when its certificates hold.",
                "dashboards",
            ),
        },
    ),
    "dashboards": Group(
        "Grafana dashboards, made from code.",
        {
            "build": Entry(
                "dashboards.commands.dashboards_build:dashboards_build",
                "Write the dashboards as JSON.",
                "dashboards",
            ),
            "push": Entry(
                "dashboards.commands.dashboards_push:dashboards_push",
                "Bring them to a Grafana.",
                "dashboards",
            ),
        },
    ),
}


class LazyCommand(TyperCommand):
    """A command that is imported when it is called, not when it is listed."""

    def __init__(self, name: str, entry: Entry) -> None:
        super().__init__(name, help=entry.help)
        self.entry = entry

    def load(self) -> TyperCommand:
        """Import the command's function and return it as a command."""
        module, _, function = self.entry.path.partition(":")
        try:
            callback: Callable[..., None] = getattr(import_module(module), function)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] in _OUR_PARTS:
                raise
            raise SkolroError(
                f"this command needs {error.name}, which is not installed here: "
                f"pip install 'skolro[{self.entry.extra}]'"
            ) from error
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(self.name, help=None)(callback)
        command = get_command(app)
        if not isinstance(command, TyperCommand):
            raise TypeError(f"{self.entry.path} is not a plain command")
        return command

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Hand over to the real command."""
        return self.load().make_context(*args, **kwargs)


_OUR_PARTS = frozenset({"sensor", "collector", "dashboards", "deploy"})


def build() -> TyperGroup:
    """Return the tree of commands."""
    root = _group(_root)
    _fill(root, COMMANDS)
    return root


def _fill(group: TyperGroup, items: Mapping[str, Entry | Group]) -> None:
    for name, item in items.items():
        if isinstance(item, Entry):
            group.add_command(LazyCommand(name, item))
        else:
            inner = _group(_nothing, help=item.help)
            _fill(inner, item.entries)
            group.add_command(inner, name)


def _group(callback: Callable[..., None], **settings: Any) -> TyperGroup:
    app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)
    app.callback(**settings)(callback)
    group = get_command(app)
    if not isinstance(group, TyperGroup):
        raise TypeError("Typer made no group of an app with a callback")
    return group


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"skolro {version('skolro')}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Noise and speed near schools, measured."""


def _nothing() -> None:
    """Groups have no options of their own."""


def main() -> NoReturn:
    """Run the command line; errors made for people end with their sentence and status 2."""
    try:
        build().main(prog_name="skolro", standalone_mode=True)
    except SkolroError as error:
        print(f"skolro: {error}", file=sys.stderr)  # noqa: T201 - the command line speaks here
        sys.exit(STATUS_ERROR)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe has gone; without this Python complains once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    sys.exit(0)


if __name__ == "__main__":
    main()
