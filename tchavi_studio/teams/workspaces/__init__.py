"""A workspace itself: create, rename, settings, leave, hand over, archive."""
