"""What is said about one probe of one lane: cause, thread, proof. Plain data, stored beside the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

NEVER_STORED = "never_stored"
LOST = "lost"
NOT_RETRIEVED = "not_retrieved"
CUT = "cut"
NOT_ATTENDED = "not_attended"
MISREAD = "misread"
SCORER = "scorer"
UNEXPLAINED = "unexplained"
CAUSES = (NEVER_STORED, LOST, NOT_RETRIEVED, CUT, NOT_ATTENDED, MISREAD, SCORER)
"""The causes of design section 7, in the order of the funnel."""

TITLES = {
    NEVER_STORED: "never stored",
    LOST: "lost",
    NOT_RETRIEVED: "not retrieved",
    CUT: "cut",
    NOT_ATTENDED: "not attended",
    MISREAD: "misread",
    SCORER: "scorer",
    UNEXPLAINED: "unexplained",
}
"""As people read them."""

MEMTRACE = {
    NEVER_STORED: "extraction",
    NOT_RETRIEVED: "retrieval",
    CUT: "retrieval",
    NOT_ATTENDED: "response",
    MISREAD: "response",
}
"""MemTrace's names (arXiv 2605.28732). ``lost`` is an update or a deletion, by the operation; ``scorer`` has none."""

EVICTED = 0.5
"""A cache policy that kept less than this share of what says it has thrown it out."""


@dataclass(frozen=True, slots=True)
class Step:
    """One station of a fact's way.

    Attributes:
        stage: of the funnel.
        turn: where the cursor goes.
        seq: the event, 0 for what was said.
        item: the item, span or speaker it is about.
        text: one line for people.
        held: whether the fact was still there afterwards.
    """

    stage: str
    turn: int
    seq: int
    item: str
    text: str
    held: bool = True


@dataclass(frozen=True, slots=True)
class Rival:
    """A candidate that was returned in place of the gold item, or the gold item itself."""

    item: str
    rank: int
    score: float
    parts: Mapping[str, float]
    text: str


@dataclass(frozen=True, slots=True)
class Ranking:
    """How retrieval saw the gold item: ``own`` None when it was no candidate; the returned ones that beat it."""

    k: int
    own: Rival | None
    ahead: tuple[Rival, ...]


@dataclass(frozen=True, slots=True)
class Loss:
    """The operation that lost a fact.

    ``prompt`` (role, text) and ``raw`` are of the model call that brought it about, empty when none did.
    """

    seq: int
    kind: str
    turn: int
    item: str
    old: str
    new: str
    reason: str
    purpose: str = ""
    prompt: tuple[tuple[str, str], ...] = ()
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """What the reader did with the gold spans of the context.

    Attributes:
        attention: their part of the answer's attention on memory, 0 to 1; None without a capture.
        length: their part of the memory's tokens; None where lengths are unknown.
        kept: how much of them the lane's cache policy left in the cache, 0 to 1; None without one.
        answer: what is answered without them; None when not tried.
        change: by how much the answer's log-probability falls without them, nats.
        gold: probability of the gold answer with them and without; None when the answer alone decided, or none was ever
            written.
        matters: whether knocking them out changes anything worth the name; None when not tried.
        how: ``knock-out``, or ``left out`` where the model's attention cannot be reached.
        rival: the spans without which the answer is right, when they are what it takes.
    """

    attention: float | None = None
    length: float | None = None
    kept: float | None = None
    answer: str | None = None
    change: float | None = None
    gold: tuple[float, float] | None = None
    matters: bool | None = None
    how: str = ""
    rival: str = ""


@dataclass(frozen=True, slots=True)
class Try:
    """A counterfactual: what was changed, and what came out."""

    fixes: tuple[str, ...]
    what: str
    answer: str
    right: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """What was tried. ``again`` is the probe asked once more with nothing changed; without it nothing can be proved.

    Attributes:
        none: the answer without any memory; ``oracle`` the answer from the evidence turns alone.
        flip: the counterfactual that settles the matter, None when none does.
        judged: how often the reader had to say whether a text carries the fact; ``skipped`` texts that it was not
            asked about, so that their words decided.
    """

    again: Try
    none: Try
    oracle: Try | None
    tries: tuple[Try, ...]
    flip: Try | None
    judged: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a lane answered a probe as it did.

    Attributes:
        cause: one of ``CAUSES``, ``unexplained``, or empty for a right answer.
        causes: all that hold at once; two when neither alone flips the answer and both do.
        suspected: what the funnel says before anything was tried.
        confirmed: whether a counterfactual flipped the answer; None when none was tried.
        broke: the first stage of the funnel that the fact did not reach; empty for a right answer.
        sentence: the cause in one sentence.
        turns: the evidence turns; ``searched`` when the session names none.
    """

    session: int
    lane: int
    probe: str
    name: str
    question: str
    gold: tuple[str, ...]
    answer: str
    cause: str
    causes: tuple[str, ...]
    suspected: str
    confirmed: bool | None
    broke: str
    sentence: str
    turns: tuple[int, ...] = ()
    searched: bool = False
    thread: tuple[Step, ...] = ()
    ranking: Ranking | None = None
    loss: Loss | None = None
    use: Use = field(default_factory=Use)
    proof: Proof | None = None

    @property
    def memtrace(self) -> str:
        """The cause under MemTrace's names; empty when it has none for it."""
        if self.cause == LOST and self.loss is not None:
            return "deletion" if self.loss.kind in ("item.deleted", "item.evicted") else "update"
        return "update" if self.cause == LOST else MEMTRACE.get(self.cause, "")

    @property
    def evidence(self) -> tuple[int, ...]:
        """The events of the thread, in order."""
        return tuple(dict.fromkeys(s.seq for s in self.thread if s.seq))

    def to_json(self) -> dict[str, Any]:
        """The stable shape of ``mnemoscope explain --json``, and more."""
        plain = asdict(self)
        first: dict[str, Any] = {
            "probe": self.probe,
            "lane": self.name,
            "question": self.question,
            "gold": list(self.gold),
        }
        first |= {"answer": self.answer, "cause": self.cause or None, "evidence": list(self.evidence)}
        first |= {"confirmed": self.confirmed, "memtrace": self.memtrace or None}
        return first | {k: v for k, v in plain.items() if k not in first and k not in ("name", "session")}

    def to_row(self) -> dict[str, Any]:
        """Everything, for :meth:`from_row`."""
        return asdict(self)

    @classmethod
    def from_row(cls, data: Mapping[str, Any]) -> Verdict:
        """The inverse of :meth:`to_row` after JSON; what this version does not know is left out.

        Raises:
            ValueError, TypeError, KeyError: it is no verdict.
        """
        values = _known(cls, data)
        if values.get("cause") not in (*CAUSES, UNEXPLAINED, "") or not all(isinstance(values[n], str) for n in _TEXTS):
            raise ValueError("no verdict")
        for name in ("gold", "causes", "turns"):
            values[name] = tuple(values.get(name, ()))
        values["thread"] = tuple(Step(**_known(Step, s)) for s in values.get("thread", ()))
        values["ranking"] = _ranking(values.get("ranking"))
        values["loss"] = _loss(values.get("loss"))
        values["use"] = _use(values.get("use") or {})
        values["proof"] = _proof(values.get("proof"))
        return cls(**values)


_TEXTS = ("probe", "name", "question", "answer", "suspected", "broke", "sentence")


def _known(cls: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    names = {f.name for f in fields(cls)}
    return {k: v for k, v in data.items() if k in names}


def _ranking(data: Mapping[str, Any] | None) -> Ranking | None:
    if data is None:
        return None
    own = Rival(**_known(Rival, data["own"])) if data["own"] else None
    return Ranking(data["k"], own, tuple(Rival(**_known(Rival, r)) for r in data["ahead"]))


def _loss(data: Mapping[str, Any] | None) -> Loss | None:
    if data is None:
        return None
    values = _known(Loss, data)
    return Loss(**values | {"prompt": tuple((role, text) for role, text in values.get("prompt", ()))})


def _use(data: Mapping[str, Any]) -> Use:
    values = _known(Use, data)
    gold = values.get("gold")
    return Use(**values | {"gold": (gold[0], gold[1]) if gold else None})


def _try(data: Mapping[str, Any] | None) -> Try | None:
    return Try(**_known(Try, data) | {"fixes": tuple(data["fixes"])}) if data else None


def _proof(data: Mapping[str, Any] | None) -> Proof | None:
    if data is None:
        return None
    again, none = _try(data["again"]), _try(data["none"])
    assert again is not None and none is not None
    tries = tuple(t for entry in data["tries"] if (t := _try(entry)))
    counts = {name: int(data.get(name, 0)) for name in ("judged", "skipped")}
    return Proof(again, none, _try(data["oracle"]), tries, _try(data["flip"]), **counts)
