"""Where all is kept: tables, the databases that hold them, their versions, and copies."""
