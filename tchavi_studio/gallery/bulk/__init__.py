"""Select many clips: what is selected, what it adds up to, and what is done to it."""
