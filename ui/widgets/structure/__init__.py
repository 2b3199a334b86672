"""Sketches: what paints one shape of a memory, one class each."""
