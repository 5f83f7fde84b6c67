"""What the measurements say: pure functions over arrays, that know no ledger and no page."""
