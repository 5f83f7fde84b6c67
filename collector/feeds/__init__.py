"""What others take away: patrol windows for calendars and tables, sites for maps."""
