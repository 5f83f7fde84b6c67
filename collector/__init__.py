"""What runs on the server: messages in, a ledger that everything else reads."""
