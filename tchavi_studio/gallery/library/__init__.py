"""The gallery's lists: browsing, filtering, searching."""
