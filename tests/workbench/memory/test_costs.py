"""How often every strategy calls its model on a small session: what its card says, and what ``docs/costs.md`` says.

The session is twelve turns in three sittings of four: six statements, each answered with one word. Two of them change
an earlier one. The mind finds one fact in every statement and none in the answers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.minds import Lane, Mind
from workbench.lanes import LaneSpec
from workbench.memory.registry import STRATEGIES
from workbench.sessions.model import Turn

SAID = (
    "Mira lives in Oslo.",
    "Tomas works in Rome.",
    "Mira owns one Pixel.",
    "Mira lives in Lima.",
    "Tomas works in Paris.",
    "Mira knows Ines.",
)
TURNS = 2 * len(SAID)
FACTS = len(SAID)
"""Statements, and so turns of the user, exchanges and facts."""
CHANGED = 2
"""Facts that contradict an earlier one."""
SPEAKERS = 3
ENDED = 2
"""Sittings that another one follows."""
OVER = FACTS - 1
"""Exchanges that another turn of the user follows."""
WORDS = 41
"""Of all turns together."""


@dataclass(frozen=True)
class Calls:
    """What the card promises: calls by purpose for the whole session, and for one question after it."""

    write: Mapping[str, int] = field(default_factory=dict)
    read: Mapping[str, int] = field(default_factory=dict)
    spec: str = ""


NONE = Calls()
LEFT = FACTS - 2  # pages that leave MemoryOS's queue of two
CARDS: dict[str, Calls] = {
    "full": NONE,
    "window": NONE,
    "bm25": NONE,
    "dense": NONE,
    "hybrid": NONE,
    "a-mem": Calls({"note": TURNS, "evolve": TURNS}, {"keywords": 1}),
    "memgas": Calls({"summarise": ENDED}, {"relevant": 1}),
    "synaptic-resonance": NONE,
    "tool2vec": Calls({"questions": TURNS}),
    "mem0": Calls({"facts": TURNS, "decide": FACTS}),
    "mem0-v3": Calls({"facts": TURNS}),
    "mem0-graph": Calls(
        # every statement names two entities; the first of each speaker knows no relation that it could end
        {"facts": TURNS, "decide": FACTS, "entities": TURNS, "relations": FACTS, "relate": FACTS - 2},
        {"entities": 1},
    ),
    "memory-r1": Calls({"facts": TURNS, "decide": FACTS}, {"relevant": 1}),
    "lightmem": Calls({"facts": TURNS // 4, "decide": CHANGED}, spec="lightmem:short_term=8,sleep=0.7"),
    "memos": Calls(
        {"facts": TURNS, "relate": CHANGED, "decide": CHANGED},
        {"keywords": 1, "check": 1, "relevant": 1},
        "memos:similar=0.7",
    ),
    "memoryos": Calls({"note": LEFT, "check": LEFT - 1, "summarise": LEFT - 1}, spec="memoryos:short=2"),
    "mirix": Calls({"choose": TURNS, "facts": TURNS, "decide": FACTS}, {"keywords": 1}),
    "letta": Calls(
        # the queue of six is halved at the seventh turn and after three more
        {"choose": TURNS, "facts": TURNS, "decide": FACTS, "summarise": 1 + (TURNS - 7) // 3},
        {"keywords": 1},
        "letta:queue=6",
    ),
    "think-in-memory": Calls(
        # the first thought in each of two buckets meets none; one bucket gathers three thoughts of one head
        {"facts": TURNS, "relate": FACTS - 2, "summarise": 1},
        spec="think-in-memory:buckets=2",
    ),
    "caim": Calls(
        # of the facts in ended sittings one is like an earlier one
        {"facts": ENDED, "choose": ENDED, "relate": 1},
        {"check": 1, "choose": 1, "relevant": 1},
        "caim:similar=0.7",
    ),
    "expe-repair": Calls({"check": OVER, "summarise": OVER // 4}),
    "chem-agent": Calls({"facts": OVER, "check": OVER}, {"facts": 1}),
    "mem1": Calls({"summarise": TURNS}),
    "sculptor": Calls({"relate": TURNS - SPEAKERS}, {"keywords": 1, "relevant": 1}),
    "l2mac": Calls({"facts": TURNS, "note": FACTS, "relate": FACTS - 1}, {"choose": 1}),
    "tim": Calls({"summarise": TURNS // 4}),
    "tme-tree": Calls({"note": FACTS, "relate": FACTS - 1}),
    "tme-dag": Calls({"note": FACTS, "relate": FACTS - 1, "choose": FACTS - CHANGED - 1}),
    "hcam": NONE,
    "hmt": Calls({"summarise": WORDS // 16}, spec="hmt:segment=16,sensory=4"),
    "m3-agent": Calls({"facts": TURNS}, {"check": 4, "keywords": 1}),
    "spatial": Calls({"note": TURNS}),
    "em-llm": NONE,
    "titans": NONE,
    "pmi": NONE,
    "video-llamb": Calls({"summarise": (TURNS - 1) // 4}, spec="video-llamb:alpha=9,scene_max=4"),
}
"""Every strategy's card (``docs/costs.md`` has its words) as counts of this session."""


def told() -> list[Turn]:
    """The session."""
    turns = []
    for n, text in enumerate(SAID):
        date = f"2025-03-{1 + n:02d}T10:00"
        turns.append(Turn(2 * n, "user", text, text.split()[0], date, n // 2))
        turns.append(Turn(2 * n + 1, "assistant", "Noted.", "assistant", date, n // 2))
    return turns


def counted(spec: str) -> tuple[dict[str, int], dict[str, int]]:
    """The calls of a lane on the session, and of one question after it."""
    lane = Lane(LaneSpec.parse(spec).strategy(), Mind()).observe(*told())
    written = Counter(lane.mind.purposes)
    lane.ask("Where does Tomas work?")
    return dict(written), dict(Counter(lane.mind.purposes) - written)


def test_the_session_is_what_the_counts_assume() -> None:
    turns = told()
    assert (len(turns), len({t.speaker for t in turns}), turns[-1].part) == (TURNS, SPEAKERS, ENDED)
    assert sum(len(t.said.split()) for t in turns) == WORDS
    assert CARDS.keys() == STRATEGIES.keys()


@pytest.mark.parametrize("name", CARDS)
def test_calls_are_those_of_the_card(name: str) -> None:
    card = CARDS[name]
    assert counted(card.spec or name) == (card.write, card.read)


def rows(root: Path) -> dict[str, list[str]]:
    """The rows of the page's first table by strategy; the measured one further down has its own."""
    table, heading, _ = (root / "docs" / "costs.md").read_text("utf-8").partition("\n## ")
    assert heading
    lines = re.findall(r"^\| `([^`|]+)` \|(.*)\|$", table, re.MULTILINE)
    return {spec: [cell.strip() for cell in rest.split("|")] for spec, rest in lines}


def said(calls: Mapping[str, int]) -> str:
    """Counts as the page writes them."""
    purposes = ", ".join(f"{purpose} {count}" for purpose, count in calls.items())
    return f"{sum(calls.values())}: {purposes}" if calls else "0"


def test_the_page_says_the_same(root: Path) -> None:
    page = rows(root)
    assert list(page) == [card.spec or name for name, card in CARDS.items()]
    for (name, card), cells in zip(CARDS.items(), page.values(), strict=True):
        promised, written, read = cells
        assert promised, name
        assert (written, read) == (said(card.write), said(card.read)), name
