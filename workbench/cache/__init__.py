"""KV-cache policies: which cells of a context survive. One file per policy and the registry."""
