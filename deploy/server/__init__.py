"""A new server: everything that it needs and nobody should have to make by hand."""
