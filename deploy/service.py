"""The server in one process: subscriber, ledger, forwarder, pages."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import uvicorn
from sqlalchemy import Engine

from collector.alerts.situation import ServerNow
from collector.alerts.task import AlertTask
from collector.config import CollectorConfig
from collector.database.database import open_database
from collector.figures.figures import Figures
from collector.forwarder import Forwarder
from collector.intake.enrolling import EnrolmentDesk
from collector.intake.live import LiveReadings
from collector.intake.subscriber import Subscriber
from collector.ledger.ledger import Ledger
from collector.operations.certificate_watch import CertificateWatch
from collector.operations.garbage import look_for_garbage_seldom
from collector.operations.heartbeat import Heartbeat
from collector.operations.metrics import Metrics
from collector.operations.operations import Operations
from collector.operations.server import server_now
from collector.outputs import OutputRejects, open_outputs
from collector.registry.accounts import Accounts
from collector.registry.enrolments import Enrolments
from collector.registry.registry import Registry
from collector.rollout.task import RolloutTask
from dashboards.briefing.app import create_app
from deploy.errors import ServiceFailedError
from deploy.processes import bind
from deploy.supervision import Supervisor
from sensor.contract.systemd import Notifier

log = logging.getLogger(__name__)

_LAST_ANSWERS_S: Final = 5


def run_service(config: CollectorConfig) -> None:
    """Collect and serve until SIGTERM or SIGINT.

    Raises
    ------
    CollectorError, DeployError
        The ledger cannot be opened, the broker cannot be reached, or the port is taken.
    ServiceFailedError
        A part has failed for good, so that only a restart helps.
    """
    with ExitStack() as stack:
        listener = stack.enter_context(bind(config.http.host, config.http.port))
        engine = open_database(config.ledger)
        stack.callback(engine.dispose)
        ledger = Ledger(engine, Registry(engine))
        live = LiveReadings()
        metrics = Metrics(engine, ledger)
        desk = EnrolmentDesk(Enrolments(engine, ledger.registry))
        subscriber = Subscriber(config.broker, ledger, live, metrics.confirmed, desk)
        look_for_garbage_seldom()
        subscriber.start()
        stack.callback(subscriber.stop)
        rollouts = RolloutTask(engine, ledger, subscriber)
        rollouts.start()
        stack.callback(rollouts.stop)
        forwarders = _forwarders(config, engine, ledger, stack)
        heartbeat = Heartbeat(engine, config.broker.client_id)
        watch = CertificateWatch(config)
        watch.start()
        stack.callback(watch.stop)
        operations = Operations(heartbeat, subscriber, forwarders, watch)
        _start_alerts(config, engine, ledger, operations, stack)
        metrics.watch(operations)
        app = create_app(
            ledger,
            ledger.registry,
            config,
            live,
            engine=engine,
            operations=operations,
            metrics=metrics,
        )
        # Its own logging would print lines of another form between ours. A page that is open
        # somewhere must not hold up the end.
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                log_level="warning",
                access_log=False,
                # Never by itself: whoever is believed can say that it asks for anybody.
                proxy_headers=bool(config.http.trusted_proxies),
                forwarded_allow_ips=list(config.http.trusted_proxies),
                timeout_graceful_shutdown=_LAST_ANSWERS_S,
            )
        )
        notifier = Notifier()
        supervisor = Supervisor(operations, metrics.lag, notifier, lambda: _end(server))
        supervisor.look()
        if not Accounts(engine).has_administrator():
            log.warning(
                "nobody can log in as administrator: add the first one with "
                "skolro collector user add NAME --role administrator --config FILE"
            )
        host, port = listener.getsockname()[:2]
        log.info("pages and API at http://%s:%d/", host, port)
        with _ended_by_signals(), supervisor.at_work():
            notifier.ready()
            server.run(sockets=[listener])
            notifier.stopping()
        if supervisor.failure is not None:
            raise ServiceFailedError(f"{supervisor.failure}: see its log; a restart may help")


def _end(server: uvicorn.Server) -> None:
    server.should_exit = True


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGINT end the server, and all after it in order.

    uvicorn ends on them by itself, and then raises them once more for whoever handled them before:
    that would be Python, and the process would be gone before what stands here.
    """
    signals = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda *_: None) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _start_alerts(
    config: CollectorConfig,
    engine: Engine,
    ledger: Ledger,
    operations: Operations,
    stack: ExitStack,
) -> None:
    if config.alerts is None:
        return

    def server() -> ServerNow:
        return server_now(config, operations)

    alerts = AlertTask(engine, ledger, config.alerts, config.page, server)
    operations.alerts = alerts
    alerts.start()
    stack.callback(alerts.stop)


def _forwarders(
    config: CollectorConfig, engine: Engine, ledger: Ledger, stack: ExitStack
) -> list[Forwarder]:
    started = []
    for output in open_outputs(config):
        forwarder = Forwarder(
            ledger,
            ledger.registry,
            output,
            OutputRejects(engine),
            figures=Figures.of(ledger, config) if output.takes_figures else None,
        )
        forwarder.start()
        stack.callback(forwarder.stop)
        started.append(forwarder)
    return started
