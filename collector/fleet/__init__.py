"""How the nodes did, each by itself and against its neighbours."""
