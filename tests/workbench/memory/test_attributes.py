"""Which pairs of statements give an attribute that has one value two of them."""

from __future__ import annotations

import pytest

from workbench.memory.attributes import Attributes, statement
from workbench.memory.claims import Sources
from workbench.memory.items import Item
from workbench.sessions.model import Turn


def clash(old: str, new: str, *known: str, turns: tuple[tuple[int, ...], tuple[int, ...]] = ((0,), (1,))) -> str:
    """What two statements say differently, after a lane took in what is ``known``; empty for nothing."""
    attributes = Attributes(Sources(()))
    for n, text in enumerate(known):
        attributes.add(Item(f"known-{n}", "fact", text, (9 + n,)))
    first, second = Item("a", "fact", old, turns[0]), Item("b", "fact", new, turns[1])
    attributes.add(first)
    near = attributes.add(second)
    found = attributes.clash(second, first) if first in near else None
    return f"{found.about}: {found.new} / {found.old}" if found else ""


@pytest.mark.parametrize(("old", "new", "found"), [
    ("Priya lives in Boston.", "Priya lives in New York.", "Priya lives in: New York / Boston"),
    ("Owen has two kids.", "Owen has three kids.", "Owen has kids: three / two"),
    ("Ana weighs 82.5 kilos.", "Ana weighs 79 kilos.", "Ana weighs kilos: 79 / 82.5"),
    ("Lena wohnt in Kiel.", "Lena wohnt in Bremen.", "Lena wohnt in: Bremen / Kiel"),
    ("王磊住在杭州。", "王磊住在深圳。", "王磊住在: 深圳 / 杭州"),
    ("小林有2只猫。", "小林有三只猫。", "小林有只猫: 三 / 2"),
    ("美咲は京都に住んでいる", "美咲は大阪に住んでいる", "美咲はに住んでいる: 大阪 / 京都"),
    ("Ada moved to Leeds with two cats.", "Ada moved to Leeds and met Ines.", ""),
    ("Owen likes pottery.", "Owen likes painting.", ""),
    ("Priya visited Rome.", "Priya visited Naples.", ""),
    ("Priya lives in Austin.", "Priya lives in Austin Texas.", ""),
    ("Priya lives in Boston.", "Dev lives in Austin.", ""),
    ("Owen's brother lives in Cork.", "Owen's mother lives in Cork.", ""),
    ("Priya lives in Boston.", "Priya also lives in Denver.", ""),
    ("Priya was born in Leeds.", "Priya was born in 1990.", ""),
    ("Does Priya live in Boston?", "Does Priya live in Denver?", ""),
])  # fmt: skip
def test_what_has_one_value(old: str, new: str, found: str) -> None:
    assert clash(old, new) == found


def test_a_session_shows_what_has_several_values_at_once() -> None:
    ran = ("Owen ran 5 miles.", "Owen ran 10 miles.")
    assert clash(*ran) and not clash(*ran, turns=((3,), (3,))), "told by one turn"
    turns = [Turn(0, "user", "I ran 5 miles yesterday.", "Owen")]
    attributes = Attributes(Sources(turns))
    said, invented = Item("a", "fact", ran[0], (0,)), Item("b", "fact", ran[1], (0,))
    assert attributes.clash(invented, said), "the turn does not tell both"


def test_a_session_shows_what_has_one() -> None:
    tea = ("Mira drinks tea.", "Mira drinks milk.")
    assert not clash(*tea)
    assert clash(*tea, "Tom drinks tea.", "Ida drinks ale.", "Ben drinks rum.", "Eve drinks tea."), "each has one"
    assert not clash(
        *tea, "Tom drinks tea.", "Tom drinks ale.", "Ben drinks rum.", "Ben drinks tea.", "Eve drinks tea."
    )
    attributes = Attributes(Sources(()))
    attributes.replaced("Tom drinks rum.", "Tom drinks ale.")
    assert attributes.clash(Item("b", "fact", tea[1], (1,)), Item("a", "fact", tea[0], (0,))), "the method replaced one"


def test_what_is_a_statement() -> None:
    pieces = statement("user: 12. Mira lives in New York.")
    assert pieces is not None and pieces.pieces == ("user", "mira", "lives", "in", "new", "york") and pieces.value == 4
    for text in ("Where does Mira live?", "Noted.", "assistant: Nice to hear this Mira", "Nice to hear, Mira"):
        assert statement(text) is None
    assert statement("Mira sings. Tomas dances all night") is None
