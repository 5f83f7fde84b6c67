"""How a running collector does, for those who watch it."""
