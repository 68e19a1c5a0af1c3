"""Records that are never changed: append-only triggers and the hash chain, for any table. No models of its own."""
