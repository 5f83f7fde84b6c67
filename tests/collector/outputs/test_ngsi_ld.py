"""A context broker gets every quarter of an hour once it is over, in order, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from collector.config import CollectorConfig, NgsiLd, load_config
from collector.forwarder import Forwarder
from collector.ledger.ledger import Ledger
from collector.outputs import OutputRejects, OutputUnavailableError, open_outputs
from collector.outputs.ngsi_ld import NgsiLdOutput
from tests.peers import FakeNode, event, free_port, levels, wait_for
from tests.receivers import ContextBroker, served_receiver

START = datetime(2026, 11, 20, 19, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NOISE = "urn:ngsi-ld:NoiseLevelObserved:ekskolan-1"
TRAFFIC = "urn:ngsi-ld:TrafficFlowObserved:ekskolan"


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """One kind of database is enough: nothing here asks it for much."""
    return f"sqlite:///{tmp_path / 'ledger.sqlite'}"


@pytest.fixture
def context_broker() -> Iterator[ContextBroker]:
    """A context broker."""
    with served_receiver(ContextBroker) as running:
        yield running


@pytest.fixture
def node(ledger: Ledger) -> FakeNode:
    """A node at Ekskolan."""
    made = FakeNode("ekskolan-1")
    made.register(ledger.registry, "ekskolan", START - timedelta(days=1))
    return made


def forwarder(ledger: Ledger, engine: Engine, broker: ContextBroker, **changes: Any) -> Forwarder:
    """Carries the ledger to the broker."""
    config = NgsiLd(url=f"http://127.0.0.1:{broker.port}/", **changes)
    return Forwarder(ledger, ledger.registry, NgsiLdOutput(config), OutputRejects(engine))


def measure(ledger: Ledger, node: FakeNode, first: int, last: int) -> None:
    """Let a node measure the minutes from `first` until `last`."""
    for minute in range(first, last):
        ledger.append([node.signed(levels(node.name, START + minute * MINUTE, 50.0 + minute))])


def began(broker: ContextBroker, name: str) -> list[str]:
    """When each quarter began that was told of an entity, in the order of telling."""
    return [
        one["dateObservedFrom"]["value"]["@value"][11:16]
        for one in broker.history
        if one["id"] == name
    ]


def test_a_quarter_is_pushed_when_it_is_over(
    ledger: Ledger, engine: Engine, node: FakeNode, context_broker: ContextBroker
) -> None:
    carries = forwarder(ledger, engine, context_broker)
    measure(ledger, node, 0, 14)
    carries.step()
    assert context_broker.history == []
    ledger.append([node.signed(event(node.name, START + 3 * MINUTE))])
    measure(ledger, node, 14, 15)
    while carries.step():
        pass
    assert began(context_broker, NOISE) == ["19:00"]
    assert context_broker.entities[TRAFFIC]["intensity"]["value"] == 1
    assert context_broker.entities[NOISE]["coverage"]["value"] == 1.0
    # What comes late is told, and the newest quarter stands last.
    measure(ledger, node, 15, 30)
    ledger.append([node.signed(event(node.name, START + 4 * MINUTE))])
    while carries.step():
        pass
    assert began(context_broker, TRAFFIC)[-1] == "19:15"
    counted = [one["intensity"]["value"] for one in context_broker.history
               if one["id"] == TRAFFIC and "19:00:00" in one["dateObservedFrom"]["value"]["@value"]
               ]  # fmt: skip
    assert counted[-1] == 2


def test_a_quarter_in_which_the_node_went_off_is_pushed_when_it_is_back(
    ledger: Ledger, engine: Engine, node: FakeNode, context_broker: ContextBroker
) -> None:
    carries = forwarder(ledger, engine, context_broker)
    measure(ledger, node, 0, 7)
    measure(ledger, node, 60, 75)
    while carries.step():
        pass
    assert began(context_broker, NOISE) == ["19:00", "20:00"]
    off = context_broker.history[0]
    assert (off["id"], off["coverage"]["value"]) == (NOISE, 0.467)


def test_while_the_broker_is_away_nothing_is_lost(
    ledger: Ledger, engine: Engine, node: FakeNode, context_broker: ContextBroker
) -> None:
    context_broker.status = 503
    carries = forwarder(ledger, engine, context_broker)
    carries.start()
    measure(ledger, node, 0, 31)
    wait_for(lambda: "answers 503" in str(carries.state.failing))
    assert context_broker.history == []
    context_broker.status = 200
    wait_for(lambda: began(context_broker, NOISE)[-1:] == ["19:15"])
    assert "19:00" in began(context_broker, NOISE)
    wait_for(lambda: carries.state.failing is None)
    carries.stop()


@pytest.mark.parametrize("wholly", [False, True])
def test_what_the_broker_will_never_take_is_kept_and_the_rest_goes_on(
    ledger: Ledger, engine: Engine, node: FakeNode, context_broker: ContextBroker, wholly: bool
) -> None:
    context_broker.hates, context_broker.refuses_wholly = {"TrafficFlowObserved"}, wholly
    carries = forwarder(ledger, engine, context_broker)
    measure(ledger, node, 0, 15)
    while carries.step():
        pass
    assert context_broker.entities.keys() == {NOISE}
    (refused,) = OutputRejects(engine).newest("ngsi_ld")
    assert TRAFFIC in refused.line
    assert "I hate it" in refused.reason


def test_a_wrong_token_is_said_and_keeps_everything(
    ledger: Ledger, engine: Engine, node: FakeNode, context_broker: ContextBroker
) -> None:
    context_broker.token = "right"  # noqa: S105 - of a test
    measure(ledger, node, 0, 15)
    with pytest.raises(OutputUnavailableError, match=r"refuses us: check ngsi_ld\.token"):
        forwarder(ledger, engine, context_broker, token="wrong").step()  # noqa: S106 - the same
    carries = forwarder(ledger, engine, context_broker, token="right", tenant="kommun")  # noqa: S106
    carries.step()
    assert context_broker.requests[0].headers["ngsild-tenant"] == "kommun"
    assert NOISE in context_broker.entities


def test_a_broker_that_is_not_there_is_named(ledger: Ledger, node: FakeNode) -> None:
    measure(ledger, node, 0, 15)
    output = NgsiLdOutput(NgsiLd(url=f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(OutputUnavailableError, match=r"cannot be reached: is it running there\?"):
        output.write(ledger.after(0, 100), ledger, ledger.registry)
    output.close()


def test_it_is_opened_where_the_configuration_names_one(tmp_path: Path) -> None:
    assert open_outputs(CollectorConfig()) == []
    (tmp_path / "token").write_text("t\n")
    path = tmp_path / "collector.toml"
    path.write_text('[ngsi_ld]\nurl = "http://broker"\ntoken_file = "token"\n')
    config = load_config(path)
    assert config.ngsi_ld.token == "t"  # noqa: S105 - of a test
    (output,) = open_outputs(config)
    assert (output.name, output.takes_figures) == ("ngsi_ld", False)
    output.close()
