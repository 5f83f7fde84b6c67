"""What went past, and how fast: events, kinds of source, speeds."""
