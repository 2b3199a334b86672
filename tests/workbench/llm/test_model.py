"""Tokens as people read them."""

from itertools import pairwise
from pathlib import Path

from workbench.llm.model import GOES_ON, Model, readable


def test_a_character_in_several_tokens_is_shown_at_the_first(model_path: Path) -> None:
    model = Model(model_path)
    text = "hi 🦔, שלום!"
    tokens = model.tokenize(text).tolist()
    texts = model.readable(tokens)
    assert len(texts) == len(tokens) and "".join(t for t in texts if t != GOES_ON) == text
    assert "�" not in "".join(texts) and texts[3:7] == ("🦔", GOES_ON, GOES_ON, GOES_ON)
    model.close()


def test_pieces_that_cut_characters_anywhere() -> None:
    data = "a🦔b東c".encode()
    for cuts in ((1, 3, 5), (2, 6, 8), (4,), (1, 2, 3, 4, 5, 6, 7, 8, 9)):
        edges = [0, *cuts, len(data)]
        pieces = [data[a:b] for a, b in pairwise(edges)]
        assert "".join(t for t in readable(pieces) if t != GOES_ON) == "a🦔b東c"


def test_broken_bytes_are_replaced_one_by_one() -> None:
    assert readable([b"a\xff", b"\xf0\x9f", b"b"]) == ("a�", "��", "b")
    assert readable([]) == () and readable([b"", b"x"]) == ("", "x")
