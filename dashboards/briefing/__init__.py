"""The briefing: pages for those who decide, and the JSON API, on one port."""
