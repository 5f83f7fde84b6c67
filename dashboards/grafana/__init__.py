"""Grafana dashboards as code; `skolro dashboards build` writes them as JSON."""
