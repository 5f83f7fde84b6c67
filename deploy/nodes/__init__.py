"""New nodes: what they are given, and what goes on their card."""
