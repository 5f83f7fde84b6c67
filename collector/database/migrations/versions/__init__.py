"""One module a revision. What is in use is never changed: a new revision follows it."""
