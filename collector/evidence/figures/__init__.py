"""Every number of a summary, made by pure functions from the messages and the registry alone."""
