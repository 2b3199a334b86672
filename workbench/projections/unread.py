"""Where a lane's model or embedder cannot read a session: remarked once, and said beside every score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workbench.legibility import UNREAD, remark
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader


@dataclass(frozen=True, slots=True)
class Unread:
    """In a lane ``who`` (``model`` or ``embedder``) cannot read ``share`` of a session's letters."""

    lane: str
    session: str
    who: str
    share: float

    @property
    def text(self) -> str:
        """As a sentence."""
        return remark({"who": self.who, "share": self.share})

    def to_json(self) -> dict[str, Any]:
        """``{session, who, share}``; the lane is where it stands."""
        return {"session": self.session, "who": self.who, "share": self.share}


def unread(reader: TraceReader, session: int | None = None) -> tuple[Unread, ...]:
    """The remarks of all lanes, over one session or (None) over all."""
    lanes, names = {row.id: row.name for row in reader.lanes()}, reader.session_names()
    query = (
        "SELECT lane, session, json_extract(payload, '$.value.who'), json_extract(payload, '$.value.share') FROM event "
        f"WHERE kind = '{Kind.NOTED}' AND json_extract(payload, '$.name') = ?1 "
        "AND (?2 IS NULL OR session = ?2) ORDER BY seq"
    )
    rows = reader.query(query, (UNREAD, session))
    return tuple(Unread(lanes[lane], names[at], str(who), float(share)) for lane, at, who, share in rows)
