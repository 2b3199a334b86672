"""Attacks with made-up input: ``python -m tests.fuzz.readers --mutants 100000`` is the long run, tests hold a slice."""
