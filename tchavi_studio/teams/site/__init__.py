"""The site's people and workspaces, for site admins."""
