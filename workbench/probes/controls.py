"""The control lanes by name (``workbench.memory.controls``); full context is one, too, where it fits."""

NO_MEMORY, ORACLE, FULL = "no-memory", "oracle", "full"
LANES = (NO_MEMORY, ORACLE)
"""Lanes that are no memory."""
