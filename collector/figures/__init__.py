"""What the analysis says, as points for outputs: each number is computed here or in the analysis.

Whoever draws these points computes nothing of their own; see ``docs/influxdb.md``.
"""
