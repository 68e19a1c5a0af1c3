"""Acts on many clips at once: what is selected, what can be done to it, and the jobs that do it batch by batch."""
