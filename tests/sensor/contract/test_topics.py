from __future__ import annotations

import pytest

from sensor.contract import topics
from sensor.contract.errors import ContractError


def test_a_topic_parses_to_what_it_was_made_of() -> None:
    assert topics.topic("ekskolan-1", "event") == "skolro/v1/ekskolan-1/event"
    assert topics.parse("skolro/v1/ekskolan-1/event") == ("ekskolan-1", "event")


@pytest.mark.parametrize(
    "name",
    [
        "", "event", "skolro/v2/a/event", "skolro/v1/a/nothing", "skolro/v1/a/b/event",
        "skolro/v1//event", "skolro/v1/A/event", "skolro/v1/a\n/event", "skolro/v1/a/ack",
        "x/skolro/v1/a/event",
    ],
)  # fmt: skip
def test_other_topics_are_refused(name: str) -> None:
    with pytest.raises(ContractError, match="not a topic"):
        topics.parse(name)


def test_shared_subscriptions_cover_the_stored_kinds() -> None:
    names = [name for name, _ in topics.subscriptions("skolro")]
    assert "$share/skolro/skolro/v1/+/event" in names
    assert "skolro/v1/+/status" in names
