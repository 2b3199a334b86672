"""Utterances with labels, of our own: a label is something that somebody wants done with a thing."""

from __future__ import annotations

import random

from workbench.sessions.generators import pools

VERBS = (
    "return", "repair", "insure", "rent out", "repaint", "replace", "register", "sell", "borrow", "clean", "track",
    "cancel", "collect", "exchange", "upgrade", "pack", "label", "polish", "donate", "lock",
)  # fmt: skip
SHOWN = (
    "How do I {verb} my {thing}?", "I would like to {verb} a {thing}.", "Can somebody help me {verb} this {thing}?",
    "What does it cost to {verb} a {thing}?", "My sister wants to {verb} her {thing} today.",
    "Is it possible to {verb} the {thing} online?", "I tried to {verb} the {thing}, but it did not work.",
    "When may I {verb} the {thing}?",
)  # fmt: skip
ASKED = (
    "Please tell me the way to {verb} the {thing}.", "We need to {verb} our {thing} before Friday.",
    "Who do I talk to if I want to {verb} a {thing}?", "Do you let people {verb} a {thing} at the counter?",
)  # fmt: skip
"""Phrasings that no example has."""

Want = tuple[str, str]
"""Verb and thing."""


def wants(r: random.Random, n: int) -> list[Want]:
    """``n`` different labels; their number is their place in the list."""
    return r.sample([(verb, thing) for verb in VERBS for thing in pools.OBJECTS], n)


def said(r: random.Random, want: Want, phrasings: tuple[str, ...] = SHOWN) -> str:
    """An utterance of a label."""
    return r.choice(phrasings).format(verb=want[0], thing=want[1])
