"""What a running agent says and does as a run file: turns, calls to models and memory operations, one lane.

A call to a model repeats its conversation; what is new in it becomes turns of the session it belongs to, which grows in
the trace while it is recorded. Memory operations change the lane's items. Nothing is invented: what an agent does not
export is not there, and an operation without content is a note.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock, Timer
from types import TracebackType
from typing import Any

from workbench.engine.config import RunConfig
from workbench.engine.follow import Follower
from workbench.errors import MnemoscopeError, TraceError
from workbench.memory.items import Item, MemoryState
from workbench.memory.log import MemoryLog
from workbench.record import own
from workbench.sessions.formats import spans as spoken
from workbench.sessions.formats.chat import Speakers, turn_of
from workbench.sessions.formats.limits import MAX_TURNS, Remarks
from workbench.sessions.formats.messages import Said, plain, said
from workbench.sessions.formats.otlp import Record, Span
from workbench.sessions.formats.spans import MemoryOperation, ModelCall
from workbench.sessions.formats.threads import Record as Exchange
from workbench.sessions.formats.threads import Sorter, Thread
from workbench.sessions.formats.when import when
from workbench.sessions.model import Session
from workbench.trace.events import Event, Kind
from workbench.trace.writer import TraceWriter

PATIENCE = 2.0
"""Seconds without news after which what arrived of an unfinished trace is written."""
MAX_WAITING = 100_000
"""Spans and log records that wait for the rest of their trace; beyond it they are written as they are."""
LANE = "recorded"
_Key = tuple[str, str]


@dataclass
class _Conversation:
    """A session that grows, and its lane."""

    number: int
    name: str
    lane: int
    writer: TraceWriter
    state: MemoryState = field(default_factory=MemoryState)
    speakers: Speakers = field(default_factory=Speakers)
    said: set[int] = field(default_factory=set)  # ids of the messages that are turns
    kept: list[Said] = field(default_factory=list)  # so that no id is given twice
    turn: int = -1
    n: dict[int, int] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    calls: int = 0
    tokens: list[int] = field(default_factory=lambda: [0, 0])
    asked: int = -1  # the last question's turn
    opened: bool = False  # a turn has begun that is not closed
    remembering: bool = False  # memory operations that no closed turn counts

    def emit(
        self,
        kind: str,
        subject: str,
        payload: Mapping[str, Any],
        cause: int = 0,
        ms: float = 0.0,
        lane: int | None = None,
    ) -> Event:
        lane = self.lane if lane is None else lane
        self.n[lane] = self.n.get(lane, 0) + 1
        event = Event(self.number, lane, self.turn, self.n[lane], kind, subject, cause, payload, ms)
        self.events.append(event)
        return event

    def say(self, messages: Iterable[Said], remarks: Remarks) -> None:
        """The messages that are not turns yet become turns."""
        for message in messages:
            if id(message) in self.said:
                continue
            if self.turn + 1 >= MAX_TURNS:
                remarks.add(self.name, f"more than {MAX_TURNS} turns; the rest is not recorded")
                return
            self.close()
            self.said.add(id(message))
            self.kept.append(message)
            self.turn += 1
            turn = turn_of(message, self.turn, self.speakers.of(message), remarks)
            self.emit(Kind.TURN_RECORDED, "", asdict(turn), lane=0)
            self.opened = True
            if turn.role == "user":
                self.asked = self.turn

    @property
    def exchange(self) -> list[int]:
        """The turns since the last question: what a memory that is written now can come from."""
        return list(range(max(self.asked, 0), self.turn + 1))

    def close(self) -> None:
        """End the turn, or count what came after it was ended."""
        if self.turn >= 0 and (self.opened or self.calls or self.remembering):
            self.emit(Kind.TURN_CLOSED, "", self._closed())
            self.opened = self.remembering = False

    def _closed(self) -> dict[str, Any]:
        payload = {
            "calls": self.calls,
            "tokens": list(self.tokens),
            "items": len(self.state.active()),
            "recorded": True,
        }
        self.calls, self.tokens = 0, [0, 0]
        return payload

    def commit(self) -> None:
        """Write what was collected."""
        self.close()
        self.writer.append(self.events)
        self.events.clear()


class Recording:
    """A run file that is being recorded. Use it as a context manager, or close it.

    Args:
        path: of the run file; it must not exist.
        patience: seconds without news after which an unfinished trace is written as far as it is known.
        beside: lanes that replay what is recorded as it comes, with their model; its sessions are not looked at.

    Attributes:
        remarks: what was odd or could not be read.

    Raises ``TraceError`` when the file exists or cannot be written. Methods may be called from any thread.
    """

    def __init__(self, path: Path | str, patience: float = PATIENCE, beside: RunConfig | None = None) -> None:
        self.path, self._patience = Path(path), patience
        if self.path.exists():
            raise TraceError(f"{self.path}: exists already", "choose another file; a recording is not added to")
        self.remarks = Remarks()
        self._writer = TraceWriter(self.path)
        self._writer.set_meta("config", {"recorded": True})
        self._lock = Lock()
        self._timer: Timer | None = None
        self._sorter = Sorter()
        self._by_thread: dict[int, _Conversation] = {}
        self._by_id: dict[str, _Conversation] = {}
        self._latest: _Conversation | None = None
        self._lane = 0
        self._waiting: dict[_Key, Span] = {}
        self._records: list[Record] = []
        self._seen: dict[_Key, None] = {}
        self._own = own.Import(self._writer)
        self._closed = False
        self._follower: Follower | None = None
        if beside is not None and beside.lanes:
            self._lane = self._writer.add_lane(LANE, LANE, "none", {})
            self._follower = self._following(beside)

    def _following(self, beside: RunConfig) -> Follower:
        try:
            follower = Follower(beside, self._writer)
        except BaseException:
            self._writer.close()
            self.path.unlink(missing_ok=True)
            raise
        follower.start()
        return follower

    # What arrives over OTLP.

    def take(self, spans: Sequence[Span], records: Sequence[Record] = ()) -> None:
        """Take in spans and log records, in any order and any portions; whole traces are written at once."""
        with self._lock:
            if self._closed:
                return
            for span in spans:
                key = (span.trace, span.id)
                if key not in self._seen:  # exporters send again what they think was lost
                    self._seen[key] = None
                    self._waiting[key] = span
            while len(self._seen) > 2 * MAX_WAITING:
                del self._seen[next(iter(self._seen))]
            self._records += records
            full = len(self._waiting) + len(self._records) > MAX_WAITING
            self._settle(None if full else self._finished())
            self._wait()

    def _finished(self) -> set[str]:
        """Traces whose root has come and whose calls tell their messages, so that nothing more is to be expected."""
        rooted = {s.trace for s in self._waiting.values() if not s.parent}
        chatting = {(r.trace, r.span) for r in self._records if r.name in spoken.LAST_EVENTS}
        silent = {
            s.trace
            for key, s in self._waiting.items()
            if s.trace in rooted and key not in chatting and spoken.is_silent_call(s)
        }
        return rooted - silent

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting or self._records:
            self._timer = Timer(self._patience, self._lose_patience)
            self._timer.daemon = True
            self._timer.start()

    def _lose_patience(self) -> None:
        with self._lock:
            if self._closed:
                return
            try:
                self._settle(None)
            except MnemoscopeError as error:  # a full disk: what could not be written is written with what comes next
                self.remarks.add("", str(error))

    def _settle(self, traces: set[str] | None) -> None:
        """Write what is known of these traces, or of all of them."""
        chosen = [s for s in self._waiting.values() if traces is None or s.trace in traces]
        ids = {s.trace for s in chosen}
        records = [r for r in self._records if r.trace in ids]
        self._records = [r for r in self._records if r.trace not in ids and traces is not None]
        if not chosen:
            return
        for span in chosen:
            del self._waiting[span.trace, span.id]
        chosen = self._own.take(chosen)
        trace = spoken.trace(chosen, records)
        self.remarks.take(trace.remarks)
        self._write(trace.steps)

    def _write(self, steps: Sequence[ModelCall | MemoryOperation]) -> None:
        told: dict[int, tuple[_Conversation, list[Said]]] = {}

        def begin(call: ModelCall) -> _Conversation:
            """The call's conversation, in which what was asked is said now."""
            if id(call) not in told:
                thread, new = self._taken(call)
                conversation = self._conversation(thread, call.conversation)
                answer = [m for m in new if any(m is a for a in call.answer)]
                conversation.say([m for m in new if all(m is not a for a in call.answer)], self.remarks)
                told[id(call)] = conversation, answer
            return told[id(call)][0]

        for at, step in enumerate(steps):
            if isinstance(step, ModelCall) and step.inside:
                _called(self._latest or self._of_operation(MemoryOperation(step.span, spoken.OTHER)), step)
            elif isinstance(step, ModelCall):
                conversation = begin(step)
                conversation.say(told[id(step)][1], self.remarks)
                _called(conversation, step)
            else:
                call = _next_call(steps[at:], step.span.trace)
                conversation = begin(call) if call is not None else self._of_operation(step)
                remember(conversation, step)
        for conversation in {id(c): c for c in (*self._by_thread.values(), *self._by_id.values())}.values():
            if conversation.events:
                self._commit(conversation)

    def _commit(self, conversation: _Conversation) -> None:
        conversation.commit()
        if self._follower is not None:
            self._follower.heard()

    def _taken(self, call: ModelCall) -> tuple[Thread, list[Said]]:
        exchange = Exchange(f"span {call.span.id}", call.asked, call.answer, call.conversation, name=call.conversation)
        thread = self._sorter.take(exchange)
        conversation = self._by_thread.get(id(thread))
        known = conversation.said if conversation else set()
        return thread, [m for m in thread.turns if id(m) not in known]

    def _conversation(self, thread: Thread, name: str) -> _Conversation:
        found = self._by_thread.get(id(thread)) or (self._by_id.get(name) if name else None)
        if found is None and not name and self._latest is not None and self._latest.turn < 0:
            found = self._latest  # so far only its memory was heard of
        if found is None:
            found = self._begun(name or thread.name)
        self._by_thread[id(thread)] = found
        if name:
            self._by_id[name] = found
        self._latest = found
        return found

    def _of_operation(self, operation: MemoryOperation) -> _Conversation:
        """The conversation of a memory operation that no call follows: the one that it names, else the latest."""
        name = spoken.conversation_of(operation.span)
        found = self._by_id.get(name) if name else self._latest
        if found is None:
            found = self._begun(name)
            self._by_id[name or found.name] = found
        self._latest = found
        return found

    def _begun(self, name: str) -> _Conversation:
        taken = {c.name for c in (*self._by_thread.values(), *self._by_id.values())}
        number = len(taken) + 1
        name = name if name and name not in taken else f"{name or 'conversation'} {number}"
        if not self._lane:
            self._lane = self._writer.add_lane(LANE, LANE, "none", {})
        session = Session(name, (), format="recorded", extra={"recorded": True})
        return _Conversation(self._writer.add_session(session, uuid.uuid4().hex), name, self._lane, self._writer)

    # What is told from Python.

    def say(
        self,
        role: str,
        text: str,
        *,
        conversation: str = "",
        speaker: str = "",
        at: str = "",
        calls: Sequence[Any] = (),
    ) -> None:
        """Add a turn.

        Args:
            conversation: its id; turns without one belong together.
            at: when it was said, in any spelling; empty for unknown.
            calls: tools that it calls, as OpenAI has them in ``tool_calls``.
        """
        row = {"role": role, "content": text, "name": speaker, "tool_calls": list(calls)}
        with self._lock:
            found = self._named(conversation)
            found.say(said(row, "turn", when(at)), self.remarks)
            self._commit(found)

    def call(
        self, messages: Sequence[Mapping[str, Any]], answer: str, *, conversation: str = "", purpose: str = "chat",
        tokens: tuple[int, int] = (0, 0), ms: float = 0.0,
    ) -> None:  # fmt: skip
        """Record a call to a model at the latest turn: its messages in any chat format, and its answer."""
        with self._lock:
            found = self._named(conversation)
            prompt = [s for n, m in enumerate(messages) for s in said(dict(m), f"messages[{n}]")]
            _record_call(found, purpose, prompt, answer, tokens, "", "", ms)
            self._commit(found)

    def remember(self, what: str, *, conversation: str = "", query: str = "", records: Sequence[Any] = ()) -> None:
        """Record a memory operation at the latest turn.

        Args:
            what: ``create``, ``update``, ``upsert``, ``search`` or ``delete``.
            query: what was searched.
            records: texts, or ``{"id", "content", "score", "metadata"}`` as in ``gen_ai.memory.records``.
        """
        rows = tuple(r if isinstance(r, Mapping) else {"content": r} for r in records)
        with self._lock:
            found = self._named(conversation)
            remember(found, MemoryOperation(Span("", "", what), what, rows, query=query))
            self._commit(found)

    def _named(self, name: str) -> _Conversation:
        found = self._by_id.get(name)
        if found is None:
            found = self._by_id[name] = self._begun(name)
        self._latest = found
        return found

    def close(self) -> None:
        """Write what still waits and let go of the file."""
        with self._lock:
            if self._closed:
                return
            if self._timer is not None:
                self._timer.cancel()
            self._closed = True
            self._settle(None)
            self._own.finish()
        if self._follower is not None:
            self._follower.finish()
            if self._follower.problem is not None:
                self.remarks.add("the lanes beside it", str(self._follower.problem))
        self._writer.close()

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _next_call(steps: Sequence[ModelCall | MemoryOperation], trace: str) -> ModelCall | None:
    """The next call to a model in a trace: what was asked in it was said before the memory was asked for it."""
    calls = (s for s in steps if isinstance(s, ModelCall) and not s.inside)
    return next((c for c in calls if c.span.trace == trace), None)


def _called(conversation: _Conversation, call: ModelCall) -> None:
    answer = "\n".join(filter(None, (m.text for m in call.answer)))
    made = [c.written for m in call.answer for c in m.calls]
    raw = "\n".join(filter(None, (answer, *made)))
    purpose = call.span.name or "chat"
    _record_call(conversation, purpose, call.asked, raw, call.tokens, call.stop, call.span.error, call.span.ms)


def _record_call(
    conversation: _Conversation, purpose: str, asked: Sequence[Said], raw: str, tokens: tuple[int, int], stop: str,
    error: str, ms: float,
) -> None:  # fmt: skip
    prompt = [{"role": m.role, "text": "\n".join(filter(None, (m.text, *(c.written for c in m.calls))))} for m in asked]
    conversation.calls += 1
    conversation.tokens = [a + b for a, b in zip(conversation.tokens, tokens, strict=True)]
    payload = {"purpose": purpose, "prompt": prompt, "raw": raw, "tokens": list(tokens), "stop": stop, "error": error}
    conversation.emit(Kind.MODEL_CALLED, "", payload, ms=ms)


def remember(conversation: _Conversation, operation: MemoryOperation) -> None:
    """Do to the lane's items what an operation says was done to the agent's memory."""
    log = MemoryLog(conversation.emit, conversation.state, conversation.turn, operation.span.start.date)
    conversation.remembering = True
    match operation.what:
        case spoken.CREATE | spoken.UPDATE | spoken.UPSERT if operation.records or operation.record:
            for record in operation.records or ({"id": operation.record},):
                _stored(log, conversation, record, operation)
        case spoken.DELETE if operation.record or operation.records:
            for name in filter(None, (operation.record, *(plain(r.get("id")) for r in operation.records))):
                if name in log.state and log.state[name].active:
                    log.delete(name, reason=operation.span.name)
                else:
                    _noted(log, operation)
        case spoken.SEARCH if operation.records or operation.count == 0:
            _searched(log, conversation, operation)
        case _:
            _noted(log, operation)


def _noted(log: MemoryLog, operation: MemoryOperation) -> None:
    """What an operation says that has no content: nothing of it can be shown as an item."""
    told = {
        "query": operation.query,
        "record": operation.record,
        "store": operation.store,
        "error": operation.span.error,
    }
    value = {k: v for k, v in told.items() if v} | ({"count": operation.count} if operation.count >= 0 else {})
    log.note(operation.span.name or operation.what, value)


def _stored(log: MemoryLog, conversation: _Conversation, record: Mapping[str, Any], operation: MemoryOperation) -> Item:
    """An item for a record, written or changed; one without content keeps what is known of it."""
    name, text, fields = plain(record.get("id")), spoken.text_of(record), _fields(record, operation)
    if name and name in log.state:
        changes = fields | ({"text": text, "index_text": text} if record.get("content") is not None else {})
        if not log.state[name].active:
            log.restore(name, reason=operation.span.name)
        return log.update(name, reason=operation.span.name, **changes)
    turns = conversation.exchange
    if operation.what in (spoken.UPDATE, spoken.SEARCH):  # it was there before the recording began
        fields = fields | {"seen": operation.what}
        turns = []
    return log.write(text, "memory", turns, id=name or None, index_text=text, **fields)


def _fields(record: Mapping[str, Any], operation: MemoryOperation) -> dict[str, Any]:
    """What a record says of itself besides its content, under names that items have free."""
    metadata = record.get("metadata")
    own_fields = dict(metadata) if isinstance(metadata, Mapping) else {}
    taken = ("text", "kind", "turns", "id", "cause", "index_text", "reason")
    found = {(f"meta_{k}" if k in taken else str(k)): v for k, v in own_fields.items()}
    return found | ({"store": operation.store} if operation.store else {})


def _searched(log: MemoryLog, conversation: _Conversation, operation: MemoryOperation) -> None:
    hits = []
    for rank, record in enumerate(operation.records, 1):
        name = plain(record.get("id"))
        same = log.state[name] if name and name in log.state else _same(log, record) if not name else None
        item = same or _stored(log, conversation, record, operation)
        score = record.get("score")
        hits.append(
            {
                "item": item.id,
                "rank": rank,
                "score": float(score) if isinstance(score, int | float) and not isinstance(score, bool) else 0.0,
                "returned": True,
                "parts": {},
                "turns": list(item.turns),
                "text": item.text,
            }
        )
    payload = {"query": operation.query, "k": len(hits), "hits": hits}
    recalled = conversation.emit(Kind.RECALLED, "", payload, ms=operation.span.ms)
    log.access([str(h["item"]) for h in hits], operation.query, cause=recalled.n)


def _same(log: MemoryLog, record: Mapping[str, Any]) -> Item | None:
    """The item that says the same as a record that has no id."""
    text = spoken.text_of(record)
    return next((i for i in log.state.active() if i.text == text), None)
