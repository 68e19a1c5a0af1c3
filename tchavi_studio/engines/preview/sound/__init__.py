"""Sound: what a shot list sounds like. Everything is synthesised, from the seed, as 2 by n samples."""
