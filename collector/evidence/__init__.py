"""Evidence summaries: what was measured at a site, so that a stranger can read and check it."""
