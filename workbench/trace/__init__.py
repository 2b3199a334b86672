"""The trace: one append-only SQLite file per run, the only truth that every view, report and score reads."""
