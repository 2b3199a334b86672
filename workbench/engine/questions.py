"""Questions to the engine process: proofs, branches, remarks and attention of a run; probes for a session file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from workbench.branch import Edit, undo
from workbench.engine.branching import branch
from workbench.engine.control import Control
from workbench.engine.explain import Models, keep, proved
from workbench.engine.knocking import Masks, by_head, knocked
from workbench.engine.placing import place
from workbench.engine.probing import make
from workbench.engine.protocol import (
    Annotate,
    Answered,
    Branch,
    Branched,
    Expect,
    Explain,
    Explained,
    Failed,
    Knocked,
    KnockHeads,
    KnockOut,
    Loading,
    Place,
    Progress,
    Question,
    Report,
    Retrace,
    Reweave,
    Tell,
    Undo,
    Undone,
    WriteProbes,
    Wrote,
)
from workbench.engine.retrace import retrace
from workbench.engine.reweaving import reweave
from workbench.engine.tracking import track
from workbench.errors import MnemoscopeError, SessionFormatError
from workbench.llm.base import BackendOptions
from workbench.llm.open import open_backend
from workbench.sessions import formats
from workbench.sessions.formats import sidecar
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter
from workbench.why.explaining import Target
from workbench.why.verdict import Verdict


class Questions:
    """Deals with one question after another; keeps the model open between proofs."""

    def __init__(self) -> None:
        self._models = Models()

    def deal(self, question: Question, report: Callable[[Report], None], control: Control) -> None:
        """Answer a question; what comes of it is reported. Raises ``MnemoscopeError`` for what a person can mend."""
        try:
            match question:
                case Explain():
                    self._explain(question, report, control)
                case Branch(path, session, lane, turn, edits):
                    self._models.close()
                    child = branch(path, lane, turn, tuple(map(Edit.parse, edits)), session, None, report, control)
                    report(Branched(child.name))
                case KnockOut(path, session, number, probe, spans, layers, heads):
                    report(Loading("masking what was chosen" if spans else "leaving each span out"))
                    target, masks = Target(session, number, probe), Masks(spans, layers, heads, each=not spans)
                    made = knocked(path, target, self._models, masks, stopped=lambda: control.cancelled)
                    report(Knocked(question, made.brief()))
                case KnockHeads(path, session, number, probe, span):
                    report(Loading("masking the span in every layer and head"))
                    target = Target(session, number, probe)
                    told = (lambda: control.cancelled), (lambda n, all_: report(Progress(n, all_)))
                    by_head(path, target, self._models, (str(span),), None, "", *told)
                case Undo(path, lane):
                    report(Undone(path, undo(path, lane)))
                case Retrace(path, session, lane, probe):
                    report(Loading("computing the attention again"))
                    asyncio.run(retrace(path, session, lane, probe, self._models))
                case Reweave(path, session, lane, probe, tokens):
                    report(Loading("comparing hidden states"))
                    asyncio.run(reweave(path, session, lane, probe, tokens, self._models))
                case Expect(path, session, lane, turn, probe):
                    report(Loading("reading the text for its surprise"))
                    asyncio.run(track(path, session, lane, turn, probe, self._models))
                case Place():
                    made_places = place(question, lambda n, all_: report(Progress(n, all_)), lambda: control.cancelled)
                    if made_places is not None:
                        report(made_places)
                case WriteProbes():
                    self._models.close()
                    _write_probes(question, report, control)
                case Annotate(path, seq, author, text):
                    TraceReader(path).close()  # a writer would make the file that is not there
                    with TraceWriter(path) as writer:
                        writer.annotate(seq, author, text, datetime.now(UTC).isoformat(timespec="seconds"))
                case Tell(path, steps):
                    TraceReader(path).close()
                    with TraceWriter(path) as writer:
                        writer.put_story(steps)
        finally:
            report(Answered())

    def _explain(self, question: Explain, report: Callable[[Report], None], control: Control) -> None:
        wanted = [Target(*t) for t in question.targets]
        report(Loading("proving"))
        count = 0

        def done(verdict: Verdict) -> None:
            nonlocal count
            count += 1
            report(Explained(verdict.to_row(), keep(question.path, [verdict])))
            report(Progress(count, len(wanted), f"{verdict.name}: {verdict.question}"))

        def unable(error: MnemoscopeError) -> None:
            report(Failed(str(error)))

        def stopped() -> bool:
            return control.cancelled

        proved(question.path, wanted, done, models=self._models, stopped=stopped, unable=unable)

    def close(self) -> None:
        """Let go of the model."""
        self._models.close()


def _write_probes(asked: WriteProbes, report: Callable[[Report], None], control: Control) -> None:
    """Cancelled, what the model has written so far is kept."""
    session = next((s for s in formats.read(asked.path) if s.name == asked.session), None)
    if session is None:
        raise SessionFormatError(f"{asked.path}: no session {asked.session!r} any more", "open the file again")
    report(Loading("loading the model"))
    backend = open_backend(BackendOptions(model=asked.model))
    try:
        made = make(session, backend, asked.count, lambda done, all_: report(Progress(done, all_)), control)
    finally:
        backend.close()
    named = sidecar.add(asked.path, session, made.probes) if made.probes else []
    report(Wrote(tuple(named), tuple(made.dropped.most_common()), control.cancelled, made.cut))
