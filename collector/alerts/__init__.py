"""Alerts: from what the collector knows to messages that reach somebody, each once."""
