"""What a document says, section by section, as plain strings that the template sets."""
