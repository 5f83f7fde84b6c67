"""Every message that a node made, once and for good, and what is derived from it."""
