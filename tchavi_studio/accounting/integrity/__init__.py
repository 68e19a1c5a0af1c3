"""Is the ledger intact? Its verification in the background, and what it found."""
