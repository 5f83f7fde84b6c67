"""The server in one process: subscriber, ledger, forwarder, pages."""

from __future__ import annotations

import logging
from contextlib import ExitStack

import uvicorn

from collector.config import CollectorConfig
from collector.database import open_database
from collector.forwarder import Forwarder
from collector.ledger import Ledger
from collector.live import LiveReadings
from collector.outputs import OutputRejects, open_outputs
from collector.registry import Registry
from collector.subscriber import Subscriber
from dashboards.briefing.app import create_app
from deploy.processes import bind

log = logging.getLogger(__name__)


def run_service(config: CollectorConfig) -> None:
    """Collect and serve until SIGTERM or SIGINT.

    Raises
    ------
    CollectorError, DeployError
        The ledger cannot be opened, the broker cannot be reached, or the port is taken.
    """
    with ExitStack() as stack:
        listener = stack.enter_context(bind(config.http.host, config.http.port))
        engine = open_database(config.ledger)
        stack.callback(engine.dispose)
        registry = Registry(engine)
        ledger = Ledger(engine, registry)
        live = LiveReadings()
        subscriber = Subscriber(config.broker, ledger, live)
        subscriber.start()
        stack.callback(subscriber.stop)
        for output in open_outputs(config):
            forwarder = Forwarder(ledger, registry, output, OutputRejects(engine))
            forwarder.start()
            stack.callback(forwarder.stop)
        app = create_app(ledger, registry, config, live)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
        host, port = listener.getsockname()[:2]
        log.info("pages and API at http://%s:%d/", host, port)
        server.run(sockets=[listener])
