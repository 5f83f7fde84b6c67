"""What can be chosen above a dashboard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from collector.figures.patterns import PERIODS_WEEKS
from collector.outputs.derived import SITE
from collector.outputs.measurements import EVENT, MEASURED, SIMULATED, SOUND_LEVEL_1M
from dashboards.grafana.influxql import DATASOURCE, SITES
from dashboards.grafana.sdk import dashboard, dashboard_models
from dashboards.grafana.words import Words

Variable: TypeAlias = dashboard.QueryVariable | dashboard.CustomVariable

_USUAL_WEEKS: Final = 26
_IN_MUNICIPALITY: Final = '"municipality" =~ /^${municipality:regex}$/'
_NAME_AND_ID: Final = r"/(?<text>.+) \[(?<value>[^\]]+)\]/"
"""Sites are shown by name; what is chosen is the id."""


def municipality(words: Words) -> Variable:
    """Chooses which sites are offered."""
    asked = _asked(words, "municipality", _tag_values(SITE.name, "municipality"))
    return _any_of(asked).all_value(".*")


def sites(words: Words) -> Variable:
    """One or more sites of the municipality; all of them stand in the query one by one."""
    query = _tag_values(SITE.name, "label", _IN_MUNICIPALITY)
    return _any_of(_asked(words, "site", query).regex(_NAME_AND_ID))


def one_site(words: Words) -> Variable:
    """Just one site."""
    query = _tag_values(SITE.name, "label", _IN_MUNICIPALITY)
    return _asked(words, "site", query).regex(_NAME_AND_ID)


def node(words: Words) -> Variable:
    """Nodes that measured at the chosen sites."""
    query = _tag_values(SOUND_LEVEL_1M.name, "node", SITES)
    return _any_of(_asked(words, "node", query)).all_value(".*")


def source(words: Words) -> Variable:
    """Kinds of source that any event is of."""
    return _any_of(_asked(words, "source", _tag_values(EVENT.name, "source"))).all_value(".*")


def origin(words: Words) -> Variable:
    """What was measured, or what is simulated; never both at once."""
    return _given(
        words, "origin", {value: words(f"origin.{value}") for value in (MEASURED, SIMULATED)}
    )


def weeks(words: Words) -> Variable:
    """Over how many weeks back figures of a period are."""
    texts = {str(number): words(f"weeks.{number}") for number in PERIODS_WEEKS}
    return _given(words, "weeks", texts, str(_USUAL_WEEKS))


def weekday(words: Words) -> Variable:
    """A day of the week, or any."""
    made = _given(words, "weekday", {str(day): words(f"weekday.{day}") for day in range(1, 8)})
    return _or_any(made)


def hour(words: Words) -> Variable:
    """An hour of the local day, or any."""
    return _or_any(_given(words, "hour", {f"{hour:02}": f"{hour:02}" for hour in range(24)}))


VARIABLES: Final[Mapping[str, Callable[[Words], Variable]]] = {
    "municipality": municipality,
    "sites": sites,
    "one_site": one_site,
    "node": node,
    "source": source,
    "origin": origin,
    "weeks": weeks,
    "weekday": weekday,
    "hour": hour,
}


def _tag_values(measurement: str, tag: str, where: str = "") -> str:
    # Of the default retention policy only: InfluxDB 2 knows no other here.
    query = f'SHOW TAG VALUES FROM "{measurement}" WITH KEY = "{tag}"'
    return f"{query} WHERE {where}" if where else query


def _asked(words: Words, name: str, query: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .label(words(f"variable.{name}"))
        .datasource(DATASOURCE)
        .query(query)
        .definition(query)
        .refresh(dashboard_models.VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(dashboard_models.VariableSort.ALPHABETICAL_ASC)
    )


def _any_of(made: dashboard.QueryVariable) -> dashboard.QueryVariable:
    everything = dashboard_models.VariableOption(selected=True, text=["All"], value=["$__all"])
    return made.multi(True).include_all(True).current(everything)


def _or_any(made: dashboard.CustomVariable) -> dashboard.CustomVariable:
    everything = dashboard_models.VariableOption(selected=True, text="All", value="$__all")
    return made.include_all(True).all_value(".*").current(everything)


def _given(
    words: Words, name: str, texts: Mapping[str, str], usual: str | None = None
) -> dashboard.CustomVariable:
    chosen = usual or next(iter(texts))
    option = dashboard_models.VariableOption(selected=True, text=texts[chosen], value=chosen)
    values = ", ".join(f"{text} : {value}" for value, text in texts.items())
    return (
        dashboard.CustomVariable(name)
        .label(words(f"variable.{name}"))
        .values(values)
        .current(option)
    )
