"""Vega-Lite without a network: specifications to SVG, and the JavaScript that draws them live.

Everything comes out of the vl-convert wheel. Its calls hold the interpreter's lock while they
run (a tenth of a second a chart, some seconds for the first one and for the script), so a server
that must answer meanwhile makes them in another process.
"""

from __future__ import annotations

from typing import Any, Final

import vl_convert

VEGA_LITE: Final = "6.4"
"""Vega-Lite version that both ways of drawing use: the one Altair writes for."""

_EXPORT: Final = "window.vegaEmbed = vegaEmbed;"


def svg(spec: dict[str, Any]) -> str:
    """Return the chart described by the Vega-Lite `spec` as SVG; nothing is fetched."""
    return vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE, allowed_base_urls=[])


def embed_script() -> str:
    """Return the JavaScript of Vega, Vega-Lite and vega-embed; it sets ``window.vegaEmbed``."""
    return vl_convert.javascript_bundle(snippet=_EXPORT, vl_version=VEGA_LITE)
