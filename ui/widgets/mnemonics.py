"""A letter for every entry of a menu, none twice: with the menu open, pressing it does the entry."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

_LITERAL = "\0"  # stands for a written ampersand meanwhile


def mnemonics(menu: QMenu) -> None:
    """Give every entry a letter of its own text, first letters of words before others, as many entries as can have one.

    What a text has of ampersands before is taken for literal where doubled, and dropped where single.
    """
    entries = [action for action in menu.actions() if not action.isSeparator() and action.text()]
    texts = [action.text().replace("&&", _LITERAL).replace("&", "") for action in entries]
    chosen = _matched([list(_letters(text)) for text in texts])
    for action, text, letter in zip(entries, texts, chosen, strict=True):
        at = _place(text, letter) if letter else -1
        marked = text if at < 0 else f"{text[:at]}&{text[at:]}"
        _set(action, marked.replace(_LITERAL, "&&"))


def follow(menu: QMenu) -> QMenu:
    """Keep a menu's letters right: they are given anew whenever it is about to be shown."""
    menu.aboutToShow.connect(lambda: mnemonics(menu))
    return menu


def literal(text: str) -> str:
    """A text that is shown as it is: a name's own ampersands mark no letter."""
    return text.replace("&", "&&")


def _set(action: QAction, text: str) -> None:
    if action.text() != text:
        action.setText(text)


def _letters(text: str) -> Iterator[str]:
    """What an entry could be called by, best first."""
    name = text.partition("\t")[0].casefold()
    starts = [c for n, c in enumerate(name) if c.isalnum() and (n == 0 or not name[n - 1].isalnum())]
    yield from dict.fromkeys([*starts, *(c for c in name if c.isalnum())])


def _place(text: str, letter: str) -> int:
    """Where the letter stands: at the beginning of a word if it does anywhere."""
    name = text.casefold()
    if len(name) != len(text):  # a letter that is two in lower case: look for it as it is
        name = text.lower() if len(text.lower()) == len(text) else text
    found = [n for n, c in enumerate(name.partition("\t")[0]) if c == letter]
    starts = [n for n in found if n == 0 or not name[n - 1].isalnum()]
    return (starts or found or [-1])[0]


def _matched(wishes: list[list[str]]) -> list[str]:
    """A letter for each, as many as possible (Kuhn's augmenting paths); empty for none."""
    owner: dict[str, int] = {}

    def give(place: int, asked: set[str]) -> bool:
        free = next((letter for letter in wishes[place] if letter not in owner), "")
        if free:
            owner[free] = place
            return True
        for letter in wishes[place]:
            if letter in asked:
                continue
            asked.add(letter)
            if give(owner[letter], asked):
                owner[letter] = place
                return True
        return False

    for place in range(len(wishes)):
        give(place, set())
    letters = {place: letter for letter, place in owner.items()}
    return [letters.get(place, "") for place in range(len(wishes))]
