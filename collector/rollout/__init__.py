"""How a release goes through the fleet: when which node hears of it, and when it ends."""
