"""Commands that put parts together, a file each; ``skolro.py`` lists them."""
