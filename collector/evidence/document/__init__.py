"""The document of a summary: sections in a reader's language, drawings, and how they are set."""
