"""Does the ledger hold? It looks at everything and changes nothing."""
