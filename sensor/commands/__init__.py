"""The node's commands, a file each; ``skolro.py`` lists them."""
