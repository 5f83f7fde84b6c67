"""Caddy's configuration: TLS for the pages and for Grafana, and what stays inside.

Written for Caddy 2.6 (Debian 12 and 13) and 2.10 (the image).  It sets ``X-Forwarded-For`` to
whoever asks and believes nobody who has set it before, so that the collector's waiting for those
who guess passwords hits them.  Headers for browsers are the collector's own (``security.py``).
"""

from __future__ import annotations

from typing import Final

from deploy.server.layout import PROXY_HEALTH_PORT
from deploy.server.wanted import Issuer, Wanted

CONFIG_FILE: Final = "Caddyfile"
HEALTH_PATH: Final = "/health"

_GLOBAL: Final = """\
# Written by skolro server init, which leaves it alone from then on. No access log: the collector
# keeps its own, of those who are logged in.
{{
	admin off
	# Port 80 is not needed, not even for certificates.
	auto_https disable_redirects
	skip_install_trust
	servers {{
		protocols h1 h2
		timeouts {{
			read_header 10s
			read_body 2m
			idle 10m
		}}
	}}
}}

# Whether it lives; on its own machine only.
http://127.0.0.1:{health_port} {{
	bind 127.0.0.1
	respond {health_path} 200
}}
"""

_PAGES: Final = """
{name} {{
	{tls}
	# They tell how nodes and server do, by name.
	@inside path /metrics /health /health/*
	respond @inside 404
	header -Server
	reverse_proxy {upstream} {{
		header_down -Server
	}}
}}
"""

_GRAFANA: Final = """
{name} {{
	{tls}
	header -Server
	header Strict-Transport-Security "max-age=31536000"
	reverse_proxy {upstream}
}}
"""

# Over the port that is open anyway (RFC 8737).
_PUBLIC_TLS: Final = """\
tls {
		issuer acme {
			disable_http_challenge
		}
	}"""


def proxy_config(wanted: Wanted) -> str:
    """Return the text of the Caddyfile."""
    parts = [
        _GLOBAL.format(health_port=PROXY_HEALTH_PORT, health_path=HEALTH_PATH),
        _PAGES.format(
            name=wanted.name,
            tls=_tls(wanted),
            upstream=wanted.layout.pages,
        ),
    ]
    if wanted.grafana_name is not None:
        parts.append(
            _GRAFANA.format(
                name=wanted.grafana_name, tls=_tls(wanted), upstream=wanted.layout.grafana
            )
        )
    return "".join(parts)


def _tls(wanted: Wanted) -> str:
    if wanted.certificate is Issuer.PUBLIC:
        return _PUBLIC_TLS
    if wanted.certificate is Issuer.INTERNAL:
        return "tls internal"
    certificate, key = wanted.certificate
    return f'tls "{certificate}" "{key}"'
