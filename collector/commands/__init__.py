"""The collector's commands, a module each; imported only when one runs."""
