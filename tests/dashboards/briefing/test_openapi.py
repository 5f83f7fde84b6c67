"""The API is what its description says, for all requests that can be made of the description."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import pytest
import schemathesis
from fastapi import FastAPI
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.transport import requests

from collector.roles import Role
from sensor.contract.messages import Source
from tests.dashboards.briefing.conftest import Town, session_of

_EXAMPLES: Final = 20
"""Of valid requests, and of invalid ones, for each operation."""

_OF_SEVERAL_PARAMETERS: Final = (
    "to must be later than from",
    "at most a day at a time",
    "the year must be between",
)
"""What is refused for a reason that no description of single parameters can tell."""


@pytest.fixture
def described(town: Town, app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> schemathesis.BaseSchema:
    """The API with something to tell, by its own description."""
    # In process there are none to count, and where urllib3-future stands in for urllib3, as
    # beside grafana-client, counting them fails.
    monkeypatch.setattr(requests, "_count_opened_connections", lambda _session: 0)
    town.event("ekskolan-1", town.now - timedelta(hours=1))
    town.event(
        "askolan-1", town.now, source=Source(), speed=None, speed_refused="two_vehicles",
        background_laf90_db=None, emergence_db=None, flags=("simulated",),
    )  # fmt: skip
    town.levels("ekskolan-1", 30, 51.5)
    town.levels("ekskolan-1", 29, None)
    town.reading("ekskolan-1", 54.3)
    town.ledger.set_online("ekskolan-1", online=True, at=town.now)
    (cookie,) = session_of(app, Role.POLICE).items()
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, config=SchemathesisConfig(seed=1))
    schema.config.generation.max_examples = _EXAMPLES
    schema.config.headers = {"Cookie": "=".join(cookie)}
    return schema


def test_every_answer_is_as_described(described: schemathesis.BaseSchema) -> None:
    failures: list[str] = []
    checked: Counter[str] = Counter()
    asked: set[str] = set()
    for told in from_schema(described).execute():
        match told:
            case events.ScenarioFinished(recorder=recorder):
                asked.update(node.value.operation.path for node in recorder.cases.values())
                checked.update(one.name for some in recorder.checks.values() for one in some)
                failures.extend(_failures(recorder))
            case events.NonFatalError(value=error) | events.FatalError(exception=error):
                failures.append(repr(error))
    assert not failures, "\n\n".join(failures)
    assert asked == set(described.raw_schema["paths"])
    assert min(checked.values()) > len(asked), checked


def _failures(recorder: ScenarioRecorder) -> Iterator[str]:
    for case_id, results in recorder.checks.items():
        response = recorder.interactions[case_id].response
        answer = "" if response is None else response.text
        for result in results:
            told = result.failure_info
            known = result.name == "positive_data_acceptance" and any(
                reason in answer for reason in _OF_SEVERAL_PARAMETERS
            )
            if told is not None and not known:
                request = recorder.cases[case_id].value.as_curl_command()
                yield f"{request}\n{result.name}: {told.failure}\n{answer[:300]}"
