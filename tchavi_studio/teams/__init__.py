"""Pages for teams: people, roles, invitations, budgets, activity, workspaces, and the site's own."""
