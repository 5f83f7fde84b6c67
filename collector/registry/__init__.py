"""Sites, nodes, keys, speed limits and guideline values, and when each held."""
