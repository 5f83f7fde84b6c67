"""``python -m docs.site FOLDER`` builds the documentation there; a warning is an error."""

from __future__ import annotations

import sys
from pathlib import Path

from docs.site.build import DocumentationError, build


def main(arguments: list[str]) -> int:
    """Build the site and return the exit status."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m docs.site FOLDER\n")
        return 2
    try:
        pages = build(Path(arguments[0]))
    except DocumentationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{pages} pages, beginning with {arguments[0]}/index.html\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
