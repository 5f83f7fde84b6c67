"""The public form of a summary: no single events, no small counts, quarter-hours at the finest."""
