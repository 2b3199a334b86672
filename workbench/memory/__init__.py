"""Memory strategies: one file per method, what they share, and the registry."""
