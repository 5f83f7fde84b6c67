"""Other software and another configuration for a node, from afar, and back where it fails.

The updater is a process of its own, so that it judges the one that measures from outside, and it
runs from the release that has last shown to work.
"""
