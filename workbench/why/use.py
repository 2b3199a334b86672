"""How much of an answer's attention fell on each span of its context, from the capture in the trace."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.projections.attention import span_attention
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader
from workbench.why.case import Case
from workbench.why.verdict import Use


def attention(reader: TraceReader, case: Case) -> list[float] | None:
    """Part of the attention on memory that each span got, mean over layers, heads and answer tokens; None without a
    capture, or when no span got any."""
    found = span_attention(reader, case.events, [span.tokens for span in case.spans])
    if found is None or not case.spans:
        return None
    whole = sum(found[0])
    return [m / whole for m in found[0]] if whole else None


def survival(reader: TraceReader, case: Case, chosen: Sequence[int]) -> float | None:
    """How much of the chosen spans a cache policy left: mean over their tokens, layers and heads; None without one."""
    done = case.events.get(Kind.COMPRESSED)
    places = [n for s in (case.spans[n] for n in chosen) for n in range(*s.tokens)]
    if done is None or not places or not done.payload["blobs"].get("survival"):
        return None
    held = reader.array(done.payload["blobs"]["survival"])[0]
    known = [int(held[n]) for n in places if n < len(held)]
    return sum(known) / (len(known) * done.payload["entries"]) if known else None


def seen(reader: TraceReader, case: Case, chosen: Sequence[int]) -> Use:
    """Attention on the chosen spans, their length, as parts of the memory's, and what is left of them in the cache."""
    shares = attention(reader, case)
    whole = sum(s.length for s in case.spans)
    length = sum(case.spans[n].length for n in chosen) / whole if whole else None
    return Use(sum(shares[n] for n in chosen) if shares else None, length, survival(reader, case, chosen))
