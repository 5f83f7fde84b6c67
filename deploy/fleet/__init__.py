"""Releases for nodes, and what is wished of them: made and signed here, sent by the collector."""
