"""From the broker to the ledger."""
