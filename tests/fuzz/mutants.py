"""Mutants of session files: of their JSON's structure, of their bytes, and of how they are packed."""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

Place = tuple[Any, Any]  # a container and the key or index in it

_TEXTS = (
    "", " ", "x", "null", "0", "-1", "2024-05-01T10:00:00Z", "1714557600", "1:56 pm on 8 May, 2023",
    "2023/05/21 (Sun) 19:50", "99999999999999999999", "D1:1; D9:99", "user", "assistant", "tool", "system",
    "<|im_start|>system", "<img src=x>", "\ud800", "\0", "\x1b[31m", "\u2028", "é" * 3, "东京。", "🦔", "1. a",
    "attachment://0", "data:image/png;base64,AAAA", "{", "[[", "{}", '{"messages": []}', "../../etc/passwd", "%s%n",
    "a" * 3000, " " * 3000, "(" * 3000, ". " * 1500, "1." + " " * 3000,
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 3, 1e308, -0.0, float("nan"), float("inf"), 2**31, 2**63, 10**30, 10**400, 1714557600,
    1714557600123, [], {}, [[]], [None], [{}], {"": None}, {"role": "user", "content": "hi"}, {"text": "hi"},
)  # fmt: skip


def mutant(seeds: Sequence[bytes], rng: random.Random) -> bytes:
    """One mutant of one seed."""
    seed = rng.choice(seeds)
    rows = _parsed(seed)
    if rows is None or rng.random() < 0.2:
        return _bytes(seed, rng)
    others = [row for row in map(_parsed, rng.sample(seeds, min(3, len(seeds)))) if row]
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        rows = _structure(rows, others, rng)
    raw = _written(rows, rng)
    return _packed(_bytes(raw, rng) if rng.random() < 0.05 else raw, rng)


def _parsed(raw: bytes) -> list[Any] | None:
    """The values of a seed: one, or one per line; None for what is no JSON."""
    try:
        return [json.loads(raw)]
    except ValueError:
        try:
            return [json.loads(line) for line in raw.split(b"\n") if line.strip()] or None
        except ValueError:
            return None


_BYTES = (b"\0", b"\xff", b"\n", b'"', b"{", b"[", b"]", b",", b"\\u", b"\\ud800", b"NaN", b"1e999")

# structure -----------------------------------------------------------------------------------------------------------


def _places(value: Any) -> list[Place]:
    found: list[Place] = []
    waiting = [value]
    while waiting:
        container = waiting.pop()
        if len(found) > 20_000:
            break
        items: Any = container.items() if isinstance(container, dict) else enumerate(container)
        for key, inner in items:
            found.append((container, key))
            if isinstance(inner, dict | list):
                waiting.append(inner)
    return found


def _structure(rows: list[Any], others: list[list[Any]], rng: random.Random) -> list[Any]:
    rows = deepcopy(rows)
    places = _places(rows)
    if not places:
        return rows
    container, key = rng.choice(places)
    change = rng.choice(_CHANGES)
    change(container, key, places, others, rng)
    return rows


def _replace(container: Any, key: Any, places: list[Place], others: list[list[Any]], rng: random.Random) -> None:
    container[key] = deepcopy(rng.choice(_VALUES)) if rng.random() < 0.6 else rng.choice(_TEXTS)


def _remove(container: Any, key: Any, places: list[Place], others: list[list[Any]], rng: random.Random) -> None:
    del container[key]


def _repeat(container: Any, key: Any, places: list[Place], others: list[list[Any]], rng: random.Random) -> None:
    if isinstance(container, list):
        container[key:key] = [deepcopy(container[key]) for _ in range(rng.choice((1, 2, 30)))]
    else:
        container[f"{key}{rng.choice(('', '2', '_id', 's'))}"] = deepcopy(container[key])


def _swap(container: Any, key: Any, places: list[Place], others: list[list[Any]], rng: random.Random) -> None:
    other, at = rng.choice(places)
    one, two = deepcopy(container[key]), deepcopy(other[at])
    container[key] = two
    if not isinstance(one, dict | list):
        other[at] = one


def _wrap(container: Any, key: Any, places: list[Place], others: list[list[Any]], rng: random.Random) -> None:
    depth = rng.choice((1, 1, 2, 90, 190, 400))
    for _ in range(depth):
        container[key] = [container[key]] if rng.random() < 0.5 else {"content": container[key]}


def _rename(container: Any, key: Any, places: list[Place], others: list[list[Any]], rng: random.Random) -> None:
    if isinstance(container, dict):
        names = [k for _, k in places if isinstance(k, str)] or ["x"]
        container[rng.choice((*names, *_TEXTS[:12], "type", "role", "content", "id", "messages"))] = container.pop(key)


def _splice(container: Any, key: Any, places: list[Place], others: list[list[Any]], rng: random.Random) -> None:
    """A part of another format in the place."""
    inner = rng.choice(others) if others else []
    found = _places(inner)
    if found:
        source, at = rng.choice(found)
        container[key] = deepcopy(source[at])


def _spoil(container: Any, key: Any, places: list[Place], others: list[list[Any]], rng: random.Random) -> None:
    value = container[key]
    if isinstance(value, str):
        at = rng.randrange(len(value) + 1)
        container[key] = value[:at] + rng.choice(_TEXTS) + value[at + rng.choice((0, 1, 5)) :]
    elif isinstance(value, bool | int | float):
        container[key] = rng.choice((str(value), -value, value * 1000, [value], value - 1))
    elif isinstance(value, list):
        rng.shuffle(value)
    else:
        container[key] = rng.choice((json.dumps(value), list(value or {}), [value], None))


_CHANGES: tuple[Callable[..., None], ...] = (
    _replace, _replace, _replace, _remove, _repeat, _swap, _wrap, _rename, _splice, _spoil, _spoil,
)  # fmt: skip


def _written(rows: list[Any], rng: random.Random) -> bytes:
    indent = rng.choice((None, None, 1))
    texts = [json.dumps(row, ensure_ascii=rng.random() < 0.5, indent=None if len(rows) > 1 else indent) for row in rows]
    return "\n".join(texts).encode("utf-8", "surrogatepass" if rng.random() < 0.1 else "replace")


# bytes ---------------------------------------------------------------------------------------------------------------


def _bytes(raw: bytes, rng: random.Random) -> bytes:
    data = bytearray(raw)
    for _ in range(rng.choice((1, 1, 2, 8, 40))):
        at, size = rng.randrange(len(data) + 1), rng.choice((1, 1, 2, 16, 200))
        match rng.randrange(6):
            case 0:
                data[at : at + size] = b""
            case 1:
                data[at:at] = rng.randbytes(size)
            case 2:
                data[at:at] = data[at : at + size] * rng.choice((1, 2, 20))
            case 3:
                if at < len(data):
                    data[at] ^= 1 << rng.randrange(8)
            case 4:
                data[at:at] = rng.choice(
                    (b"\0", b"\xff", b"\n", b'"', b"{", b"[", b"]", b",", b"\\u", b"\\ud800", b"NaN", b"1e999")
                )
            case _:
                data[at:] = b"" if rng.random() < 0.2 else data[at:]
    return bytes(data)


def _packed(raw: bytes, rng: random.Random) -> bytes:
    kind = rng.randrange(40)
    if kind == 0:
        return gzip.compress(raw, 1)
    if kind == 1:
        packed = gzip.compress(raw, 1)
        return packed[: rng.randrange(len(packed))]
    if kind == 2:
        return raw.decode("utf-8", "replace").encode(
            rng.choice(("utf-16", "utf-8-sig", "utf-32", "latin-1")), "replace"
        )
    if kind in (3, 4):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr(rng.choice(("a.json", "conversations.json", "samples/1_epoch_1.json", "header.json")), raw)
            made.writestr("b.jsonl", raw[: rng.randrange(len(raw) + 1)])
        return _bytes(out.getvalue(), rng) if kind == 4 else out.getvalue()
    return raw
