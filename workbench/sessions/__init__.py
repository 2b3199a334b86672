"""Recorded conversations: the model, the readers of file formats, the generators."""

from workbench.sessions.model import COMPETENCIES, Probe, Session, Turn

__all__ = ["COMPETENCIES", "Probe", "Session", "Turn"]
