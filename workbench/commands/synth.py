"""``mnemoscope synth``: sessions in the bundled model's English, and generators after published benchmarks."""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Mapping
from typing import Any

from workbench import console
from workbench.errors import UsageError
from workbench.sessions.generators import GENERATORS, GeneratorError, generate, rough, versions
from workbench.sessions.generators.base import Count
from workbench.sessions.model import Session
from workbench.sessions.synthesis import SynthesisError, list_kinds
from workbench.sessions.synthesis import generate as in_plain_english

TOKENS = 2000
"""Of a generator's session where nothing else is asked for."""


def made(options: argparse.Namespace, pairs: Mapping[str, str]) -> list[Session]:
    """The sessions of a kind or a generator. Raises ``UsageError`` for what does not exist or cannot be."""
    name, seed = options.kind, options.seed
    if name not in GENERATORS:
        return _plain(options, pairs)
    if not 1 <= options.versions <= 100:
        raise UsageError(f"mnemoscope synth: --versions {options.versions} is out of range", "choose from 1 to 100")
    tokens = TOKENS if options.tokens is None else options.tokens
    count, date = counting(options.model), _date(options.date)
    try:
        if options.versions > 1:
            return versions(name, tokens, seed, options.versions, count, date=date, **pairs)
        return generate(name, tokens, seed, count, date, **pairs)
    except GeneratorError as error:
        raise UsageError(error.what, error.remedy) from error


def _plain(options: argparse.Namespace, pairs: Mapping[str, str]) -> list[Session]:
    given = [flag for flag in ("tokens", "date") if getattr(options, flag)] + ["versions"] * (options.versions != 1)
    known = {name for name, _, _ in list_kinds()}
    if given and options.kind in known:
        what = f"mnemoscope synth {options.kind}: --{given[0]} is for the generators after benchmarks"
        raise UsageError(what, "use --option turns=N; see `mnemoscope synth --list`")
    try:
        return [in_plain_english(options.kind, options.seed, **pairs)]
    except SynthesisError as error:
        more = "" if options.kind in known else f" (or a generator: {', '.join(GENERATORS)})"
        raise UsageError(f"{error.what}{more}", error.remedy) from error


def _date(text: str) -> str:
    try:
        return datetime.date.fromisoformat(text).isoformat() if text else ""
    except ValueError as error:
        raise UsageError(f"mnemoscope synth: --date {text!r} is no date", "write YYYY-MM-DD") from error


def counting(model: str) -> Count:
    """How long a text is for a model: with its own tokenizer, of which the vocabulary alone is loaded."""
    if model == "words":
        return rough
    from workbench.llm.model import Model
    from workbench.llm.open import find_language_model
    from workbench.llm.server import is_address
    from workbench.llm.trial import proved

    if is_address(model):
        raise UsageError("mnemoscope synth: a server does not say its tokens", "use --model words, or its GGUF")
    loaded = Model(proved(find_language_model(model)), vocabulary_only=True)
    return lambda text: len(loaded.tokenize(text, special=False))


def listed(as_json: bool) -> None:
    """Say every kind and generator with its options."""
    kinds = list_kinds()
    if as_json:
        cards = [{"name": n, "help": h, "options": o} for n, h, o in kinds]
        keys = ("name", "help", "options", "title", "paper", "label", "differs")
        console.say_json(cards + [{key: getattr(g, key) for key in keys} for g in GENERATORS.values()])
        return
    rows = [[name, text.replace("``", ""), given(options)] for name, text, options in kinds]
    console.say(console.table(["kind", "what", "options with defaults"], rows) + "\n")
    rows = [[g.name, g.help, given(g.options), g.label, g.paper] for g in GENERATORS.values()]
    console.say(console.table(["generator", "what", "options with defaults", "label", "paper"], rows))


def given(options: Mapping[str, Any]) -> str:
    """Options with their defaults in a row; of several values all."""
    shown = {k: "|".join(v) if isinstance(v, tuple) else v for k, v in options.items()}
    return " ".join(f"{k}={v}" for k, v in shown.items())
