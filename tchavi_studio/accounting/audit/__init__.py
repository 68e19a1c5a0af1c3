"""The audit pages: of the whole site, and of one workspace."""
