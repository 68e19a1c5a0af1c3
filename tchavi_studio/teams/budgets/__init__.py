"""What members may spend in a month, and the requests of those who need more."""
