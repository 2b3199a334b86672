"""Invented words for training: what a model reads that cannot have learned its words by heart.

Held-out names and values fall into two to four tokens each. Words spliced from halves of real ones, words of the
interpreter's help pages and made-up syllables fall into tokens the same way, and there is no end of them.
"""

from __future__ import annotations

import random
import re
from functools import cache

import phrasing
import tokenizer

from workbench.sessions.synthesis import language, vocabulary
from workbench.sessions.synthesis.vocabulary import Pool, Split

ENDINGS = ("ing", "er", "s", "el", "an", "in", "or", "y")


def pools() -> tuple[Pool, ...]:
    """Every pool of content words."""
    return (vocabulary.NAMES, vocabulary.ADJECTIVES, vocabulary.LABEL_KINDS, *vocabulary.VALUES.values())


@cache
def parts() -> tuple[str, ...]:
    """Lower-case words to splice: names and values of training, and common English."""
    told = {word.lower() for pool in pools() for word in pool.train}
    english = {word.lower() for word in tokenizer.english() if 4 <= len(word) <= 9}
    return tuple(sorted((told | english) - held_out()))


@cache
def held_out() -> frozenset[str]:
    """Words that training must never see."""
    words = {word.lower() for pool in pools() for word in pool.heldout}
    return frozenset(words | set(vocabulary.made_up_pool("heldout")))


@cache
def pool(split: Split) -> tuple[str, ...]:
    """The made-up words of sessions; of those for training none that happens to be a held-out word (there is one)."""
    held = held_out() if split == "train" else frozenset()
    return tuple(word for word in vocabulary.made_up_pool(split) if word not in held)


@cache
def pieces() -> tuple[str, ...]:
    """Tokens of two to six letters, in lower case."""
    letters = [token for token in tokenizer.load().get_vocab() if token.isascii() and token.isalpha()]
    return tuple(sorted({token.lower() for token in letters if 2 <= len(token) <= 6}))


class Hard:
    """Tokens that words begin with, the more often the more seldom such words were answered of late.

    Some tokens are words of statements, too: a model that had heard of tulips "in rows" never read "rowing", and for
    nine of 1,230 beginnings no value was ever answered.
    """

    share = 0.18
    """Of the invented words."""

    def __init__(self) -> None:
        self.missed: dict[str, float] = dict.fromkeys(openings(), 0.5)

    def note(self, token: str, right: bool) -> None:
        """An answer that begins with ``token`` was right or not."""
        if token in beginnings():
            self.missed[token] = 0.9 * self.missed.get(token, 0.0) + 0.1 * (not right)

    def draw(self, r: random.Random) -> str:
        """One of the tokens."""
        return r.choices(list(self.missed), list(self.missed.values()))[0]


@cache
def openings() -> tuple[str, ...]:
    """Tokens that words of statements and prompts begin with, in lower case."""
    r = random.Random(0)
    said = [*tokenizer.FUNCTION_WORDS, *tokenizer.PROMPT_WORDS]
    for attribute in language.ATTRIBUTES:
        for _ in range(150):
            said += [phrasing.told(r, attribute, r.random() < 0.5), phrasing.cued(r, attribute)]
    words = {word.lower() for word in re.findall("[A-Za-z]+", " ".join(said))}
    encode = tokenizer.load().encode
    return tuple(sorted({encode(word, add_special_tokens=False).tokens[0] for word in words} & beginnings()))


@cache
def beginnings() -> frozenset[str]:
    """The same as :func:`pieces`, to look into."""
    return frozenset(pieces())


@cache
def hard() -> Hard:
    """Those of this process."""
    return Hard()


def invented(r: random.Random) -> str:
    """A lower-case word that is no name or value of a session, two to four tokens long as a rule.

    Half of them begin with any token of letters, or with a hard one. The others begin with few, and heads that had
    read only those misread the person of 8 of 120 unseen questions and the value of 3 lines; with these, of one each.
    """
    while True:
        u = r.random()
        if r.random() < hard().share:
            word = hard().draw(r) + r.choice(r.choice((pieces(), ENDINGS)))
        elif u < 0.4:
            word = "".join(r.choice(pieces()) for _ in range(r.choice((2, 2, 3))))
        elif u < 0.66:
            first, second = r.choice(parts()), r.choice(parts())
            word = first[: r.randint(2, max(2, len(first) - 2))] + second[-r.randint(2, max(2, len(second) - 2)) :]
        elif u < 0.76:
            word = r.choice(parts())
        elif u < 0.82:  # what people do: "rowing" was read as "grows"
            word = r.choice(parts())[: r.randint(3, 6)].rstrip("aeiou") + "ing"
        else:
            word = vocabulary.made_up(r)
        if 3 <= len(word) <= 11 and word not in held_out():
            return word
