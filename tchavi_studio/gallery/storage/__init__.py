"""The storage page: what takes how much room, and how to free some."""
