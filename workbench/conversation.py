"""Several questions about one context as one conversation: SCBench's multi-turn mode (arXiv 2412.10319)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from workbench.answering import Answered, Answerer
from workbench.context import Exchange
from workbench.memory.base import Span
from workbench.sessions.model import Probe, Session
from workbench.trace.events import FIXED, Event, Kind


class Talk:
    """The conversation that a lane is in: what was asked of the present context, and the answers that stay.

    It goes on as long as a question's context is the same as that of the one before and has room beside what was said;
    else the next question begins another. In runs that ask every question by itself it never goes on.
    """

    def __init__(self, session: Session, answerer: Answerer) -> None:
        self._session, self._answerer = session, answerer
        self._lines: tuple[str, ...] = ()
        self._earlier: tuple[Exchange, ...] = ()
        self._packed: Mapping[str, Any] = {}

    def end(self) -> None:
        """The next question begins a conversation."""
        self._lines, self._earlier = (), ()

    def answerer(self, probe: Probe, spans: Sequence[Span]) -> Answerer:
        """Whoever answers: with what was said before when it is about the same context."""
        if not self._earlier:
            return self._answerer
        within = replace(self._answerer, earlier=self._earlier)
        return within if within.pack(probe, spans).memory == self._lines else self._answerer

    def said(self, probe: Probe, answered: Answered) -> None:
        """What was asked, and which answer stays; none where the model could not answer."""
        if not self._answerer.asking.requests.startswith("multi-turn") or answered.result is None:
            self.end()
            return
        packed = answered.packed
        self._go_on(packed.memory, packed.question.earlier, probe, answered.text)

    def _go_on(self, lines: tuple[str, ...], earlier: tuple[Exchange, ...], probe: Probe, own: str) -> None:
        self._lines = lines
        self._earlier = (*earlier, Exchange(probe.id, self._answerer.question(probe), self._stays(probe, own)))

    def _stays(self, probe: Probe, own: str) -> str:
        if self._answerer.asking.requests == "multi-turn-own" or not probe.gold:
            return own
        return ", ".join(probe.gold) if probe.scorer == "all" else probe.gold[0]

    def fold(self, event: Event) -> None:
        """Stand where a trace stands after its next event."""
        if event.kind == Kind.PACKED:
            self._packed = event.payload
            return
        probe = next((p for p in self._session.probes if p.id == event.subject), None)
        talks = self._answerer.asking.requests.startswith("multi-turn")
        if probe is None or not talks or not self._packed.get("tokens"):  # nothing was read, or by a rule
            self.end()
            return
        lines = tuple(span["text"] for span in self._packed["spans"] if span["kind"] not in FIXED)
        earlier = of_trace(self._session, self._answerer, self._packed)
        self._go_on(lines, earlier, probe, event.payload["text"])


def of_trace(session: Session, answerer: Answerer, packed: Mapping[str, Any]) -> tuple[Exchange, ...]:
    """What had been asked before a question, by its ``context.packed``."""
    probes = {probe.id: probe for probe in session.probes}
    return tuple(
        Exchange(said["probe"], answerer.question(probes[said["probe"]]), said["answer"])
        for said in packed.get("earlier", ())
        if said["probe"] in probes
    )
