"""The Grafana Foundation SDK, as much of it as is used here.

Its modules warn on import that dashboards of schema version 2 exist. Those cannot be provisioned
from files by every Grafana in use, so the classic schema is meant.
"""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.builders import (
        bargauge,
        common,
        dashboard,
        geomap,
        stat,
        table,
        timeseries,
    )
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.variants import Dataquery
    from grafana_foundation_sdk.models import common as common_models
    from grafana_foundation_sdk.models import dashboard as dashboard_models
    from grafana_foundation_sdk.models import geomap as geomap_models

__all__ = ["Builder", "Dataquery", "JSONEncoder", "bargauge", "common", "common_models",
           "dashboard", "dashboard_models", "geomap", "geomap_models", "stat", "table",
           "timeseries"]  # fmt: skip
