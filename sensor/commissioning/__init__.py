"""Commissioning: somebody on a ladder checks the node with a phone, and signs what was found."""
