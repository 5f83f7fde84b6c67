"""What runs on the node: sound in, signed messages out."""
