"""The engine of Mnemoscope: sessions, lanes, the Mind, the trace and its projections. Imports no Qt."""

__version__ = "0.1.0"
