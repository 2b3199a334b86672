"""The tokenizer of the bundled model: a byte-level BPE that llama.cpp (``gpt2``, ``gpt-2``) reads identically.

Content words never merge with the space before them: ``" Oslo"`` is ``Ġ`` + ``Oslo``, so a name or value is the same
tokens at the start of a line, after a quote and in the middle of a sentence, and copying needs no second spelling.
Function words get a merge with their space at the very end of the merge list, which costs nothing elsewhere.

    python packaging/demo_model/tokenizer.py        writes tokenizer.json beside this file
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path
from pydoc_data.topics import topics

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from workbench.sessions.synthesis import language, vocabulary  # noqa: E402

PATH = Path(__file__).with_name("tokenizer.json")
SPECIAL = ("<|pad|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
PAD, SYSTEM, USER, ASSISTANT, END = range(len(SPECIAL))

CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
"""Jinja; roles are ``system``, ``user`` and ``assistant``, each one control token."""


def _words(text: str) -> list[str]:
    return text.split()


FUNCTION_WORDS = _words("""
    a about after again am an and are as at be been before but by call called can change changed changes decide
    did do does drink drinks drive drives drove each eat eats every example few find first for free from full gone
    good grew grow grows had has have he hear hello help her his home how if in into is it its keep kind last late
    later learn learning like liked likes list live lived lives long longer make many me mean means memory met
    more most moved music my new next night no not note noted now of often old on one only or other our out park
    people play played plays question remember said saw say says see she so some speak talk talked tell telling
    text than thank thanks that the their them then there these they thing this time times to today told tomorrow
    too two us used using value was we week well went were what when where which who whose will with word words
    work worked works would year yes yet you your I If unknown favourite city job food pet hobby colour sport
    instrument language vehicle plant label message messages memories facts fact new links link neighbours
    neighbour update updates useful numbers summarise choose options task answer changes
""")

PROMPT_WORDS = _words("""
    Answer answer Write note Link link neighbours neighbour update List facts messages Messages Message Memory
    Question Neighbours New Old Facts Memories fact decide changes memories ADD UPDATE DELETE NONE Say old memory
    contradictory redundant independent Summarise text Keep every value Choose options option fit task Task
    Options yes no about keywords question numbers help useful unknown verdicts summary choice context tags links
    updates neighbor event id small talk assistant user system nothing said weather label meaning word change
    number date time people person name agent tool tools search store save read write archival recall core
    episodic semantic procedural resource knowledge vault working profile preference preferences event events fact
    relation entity conflict merge insert replace append page speaker reminder plan plans buy bought work travel
    trip family friend friends house school January February March April May June July August September October
    November December Monday Tuesday Wednesday Thursday Friday Saturday Sunday zero one two three four five six
    seven eight nine ten eleven twelve first second third last what called often before after none true false null
""")

PUNCTUATION = {
    '{"': 400, '":"': 400, '":["': 400, '","': 400, '"],"': 400, '"]}': 400, '"}': 400, '":[': 300,
    '],"': 300, ']}': 300,
    '":[]}': 200, '":[],"': 200, '"}]}': 200, '},{"': 100, '"},{"': 200, '":[{"': 200, '."': 200,
    '.","': 300, '."]}': 200,
    '."}': 200, '."},{"': 100, '."}]}': 100, '":': 200, ',"': 200, '?': 50, '!': 50, '."],"': 50, "'s": 100,
    "...": 5,
    '"': 50, ': ': 0, '-': 50, '|': 50, '(': 5, ')': 5, '"]': 50, '"]}]}': 100, '"]},{"': 100, '}]}': 50, ':"': 20,
}  # fmt: skip
KEYS = _words(
    "keywords context tags links updates neighbour facts memory event id text verdicts summary choice answer useful"
)


def word_counts() -> Counter[str]:
    """Words without their spaces and how much each weighs. Held-out words are absent: they fall into pieces."""
    counts: Counter[str] = Counter()
    pools = [vocabulary.NAMES, vocabulary.ADJECTIVES, vocabulary.LABEL_KINDS, *vocabulary.VALUES.values()]
    for pool in pools:
        for word in pool.train:
            counts.update({piece: 60 for piece in re.findall(r"\w+", word)})
    for text in _phrases():
        counts.update({word: 60 for word in re.findall(r"[A-Za-z]+", text)})
    counts.update({word: 200 for word in (*FUNCTION_WORDS, *PROMPT_WORDS, *KEYS)})
    counts.update({word: 8 for word in vocabulary.made_up_pool("train")})
    counts.update({word: 9 for word in english() - set(counts)})
    counts.update({year: 300 for year in ("20", "202", "19", "2023", "2024", "2025", "2026")})
    counts.update({f"{number:02}": 200 for number in range(32)} | {str(number): 200 for number in range(100)})
    counts.update({word.title(): 6 for word in vocabulary.made_up_pool("train")[::3]})
    return counts


def english() -> set[str]:
    """Words of the interpreter's own help pages, so that common English syllables become tokens."""
    words = {word.lower() for text in topics.values() for word in re.findall(r"[A-Za-z]{3,}", text)}
    return words | {word.title() for word in words if len(word) > 4}


def _phrases() -> list[str]:
    texts: list[str] = []
    for attribute in language.ATTRIBUTES:
        texts += [attribute.fact, attribute.past, attribute.gone, attribute.who, attribute.noun]
        texts += [*attribute.told.train, *attribute.changed.train, *attribute.asked.train]
    for value in vars(language).values():
        if isinstance(value, vocabulary.Pool):
            texts += value.train
    return [re.sub(r"\{\w+\}", " ", text) for text in texts]


def build(size: int = 2450) -> Tokenizer:
    """Train the merges on words without spaces, then append the merges of function words with their space."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        min_frequency=30,
        show_progress=False,
        special_tokens=[],
    )
    counts = word_counts() | Counter(PUNCTUATION)
    tokenizer.train_from_iterator(_lines(counts), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    merges = [tuple(merge) if isinstance(merge, list) else tuple(merge.split(" ")) for merge in model["merges"]]
    return assemble(list(model["vocab"]), merges)


def _lines(counts: Counter[str]) -> list[str]:
    return [word for word, count in sorted(counts.items()) for _ in range(count)]


def assemble(tokens: list[str], merges: list[tuple[str, str]]) -> Tokenizer:
    """Special tokens first, then the trained vocabulary, then the spaced function words."""
    vocab = {name: number for number, name in enumerate(SPECIAL)}
    for token in tokens:
        vocab.setdefault(token, len(vocab))
    spaced = list(merges)
    for word in dict.fromkeys(FUNCTION_WORDS):
        if word in vocab:
            spaced.append(("Ġ", word))
            vocab.setdefault("Ġ" + word, len(vocab))
    for mark in ("|", "{", '"'):
        spaced.append(("Ġ", mark))
        vocab.setdefault("Ġ" + mark, len(vocab))
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=spaced))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in SPECIAL])
    return tokenizer


def load() -> Tokenizer:
    """The committed tokenizer."""
    return Tokenizer.from_file(str(PATH))


if __name__ == "__main__":
    built = build()
    built.save(str(PATH))
    print(f"{built.get_vocab_size()} tokens -> {PATH.name}")
