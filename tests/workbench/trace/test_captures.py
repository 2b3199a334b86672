"""Arrays of attention and cache that do not fit to their event are named, one thing at a time."""

from typing import Any

import numpy as np
import pytest

from workbench.trace.blobs import array_texts, texts_array
from workbench.trace.captures import compressed_shapes, summed_shapes

LAYERS, HEADS, SPANS = 2, 3, 4
Damage = tuple[dict[str, Any], dict[str, Any], str]


def summed() -> tuple[dict[str, Any], dict[str, Any]]:
    """A payload of ``attention.summed`` and its arrays: five tokens, two rows, two of four spans kept."""
    payload = {"layers": LAYERS, "heads": HEADS, "kept": [0, 3], "spans": [[0, 1]] * SPANS}
    arrays = {
        "texts": texts_array(["a", "b", "ü", "", "e"]),
        "mean": np.zeros((1, 5)),
        "peak": np.zeros((1, 5)),
        "mass": np.zeros((LAYERS, HEADS, 2)),
        "rows": np.zeros((2, SPANS)),
        "ids": np.zeros(5, np.int32),
    }
    return payload, arrays


def test_arrays_of_attention_that_fit() -> None:
    payload, arrays = summed()
    assert summed_shapes(payload, arrays) == ""
    pooled = {**arrays, "mean": np.zeros((1, 2)), "peak": np.zeros((1, 2))}
    assert summed_shapes({**payload, "starts": [0, 3]}, pooled) == ""
    assert summed_shapes({**payload, "starts": [0, 4]}, pooled) == ""


SUMMED: list[Damage] = [
    ({}, {"texts": None}, "texts is none of texts"),
    ({}, {"texts": np.zeros(4, np.int32)}, "texts is none of texts"),
    ({}, {"texts": np.zeros((2, 4), np.uint8)}, "texts is none of texts"),
    ({}, {"texts": np.array([9, 0, 0, 0], np.uint8)}, "texts is none of texts"),
    ({}, {"texts": np.array([1, 0, 0, 0, 1, 0, 0, 0, 255], np.uint8)}, "texts is none of texts"),
    ({"starts": [3, 0]}, {}, "starts are not in order"),
    ({"starts": [0, 5]}, {}, "starts are not in order"),
    ({"starts": [-1, 0]}, {}, "starts are not in order"),
    ({"starts": [0, 3]}, {}, "mean has the shape (1, 5)"),
    ({"kept": [0, SPANS]}, {}, "kept names a span that is not there"),
    ({"kept": [-1, 0]}, {}, "kept names a span that is not there"),
    ({"layers": 3}, {}, f"mass has the shape ({LAYERS}, {HEADS}, 2)"),
    ({"heads": 1}, {}, f"mass has the shape ({LAYERS}, {HEADS}, 2)"),
    ({}, {"mean": None}, "mean is not named"),
    ({}, {"mean": np.zeros(5)}, "mean has the shape (5,)"),
    ({}, {"mean": np.zeros((3, 5))}, "mean has the shape (3, 5)"),  # more than there are rows
    ({}, {"peak": np.zeros((2, 5))}, "peak has the shape (2, 5)"),
    ({}, {"rows": np.zeros((2, 9))}, "rows has the shape (2, 9)"),
    ({}, {"rows": np.zeros(2)}, "mean has the shape (1, 5)"),
    ({}, {"ids": np.zeros(4)}, "ids has the shape (4,)"),
]


@pytest.mark.parametrize(("said", "held", "wrong"), SUMMED)
def test_arrays_of_attention_that_do_not_fit(said: dict[str, Any], held: dict[str, Any], wrong: str) -> None:
    payload, arrays = summed()
    assert summed_shapes(payload | said, _with(arrays, held)) == wrong


def compressed() -> tuple[dict[str, Any], dict[str, Any]]:
    """A payload of ``cache.compressed`` and its arrays: four tokens read into six cells, two generated."""
    payload = {"read": 4, "size": 6, "entries": LAYERS * HEADS, "generated": [1, 2]}
    arrays = {
        "texts": texts_array(["a", "b", "c", "d"]),
        "kept": np.ones((LAYERS, HEADS, 4), bool),
        "survival": np.zeros((2, 4)),
        "cells": np.array([-1, 0, 5]),
        "worth": np.zeros(4),
        "merged": np.zeros(4),
    }
    return payload, arrays


def test_arrays_of_a_cache_that_fit() -> None:
    payload, arrays = compressed()
    assert compressed_shapes(payload, arrays) == ""
    uniform = {**arrays, "kept": np.ones(4, bool), "cells": np.zeros(0, np.int32), "worth": None, "merged": None}
    assert compressed_shapes(payload, {name: array for name, array in uniform.items() if array is not None}) == ""


COMPRESSED: list[Damage] = [
    ({}, {"texts": None}, "texts is none of texts"),
    ({}, {"kept": None}, "kept does not say what became of 4 tokens"),
    ({}, {"kept": np.ones((2, 4), bool)}, "kept does not say what became of 4 tokens"),
    ({}, {"kept": np.ones(5, bool)}, "kept does not say what became of 4 tokens"),
    ({"read": 0}, {"kept": np.ones(0, bool)}, "kept does not say what became of 0 tokens"),
    ({"entries": 5}, {}, "kept is not of 5 layers and heads"),
    ({}, {"survival": None}, "survival is not of 4 tokens"),
    ({}, {"survival": np.zeros(4)}, "survival is not of 4 tokens"),
    ({}, {"survival": np.zeros((2, 3))}, "survival is not of 4 tokens"),
    ({}, {"survival": np.zeros((3, 4))}, "survival has the shape (3, 4)"),
    ({}, {"cells": None}, "cells are not in the cache"),
    ({}, {"cells": np.zeros((1, 1))}, "cells are not in the cache"),
    ({}, {"cells": np.array([-2, 0])}, "cells are not in the cache"),
    ({}, {"cells": np.array([0, 6])}, "cells are not in the cache"),
    ({"size": 3}, {"cells": np.array([0, 2])}, "4 tokens in 3 cells"),
    ({}, {"worth": np.zeros(3)}, "worth has the shape (3,)"),
    ({}, {"merged": np.zeros((4, 1))}, "merged has the shape (4, 1)"),
]


@pytest.mark.parametrize(("said", "held", "wrong"), COMPRESSED)
def test_arrays_of_a_cache_that_do_not_fit(said: dict[str, Any], held: dict[str, Any], wrong: str) -> None:
    payload, arrays = compressed()
    assert compressed_shapes(payload | said, _with(arrays, held)) == wrong


@pytest.mark.parametrize("texts", [(), ("",), ("a", "", "ü", "\N{GRINNING FACE}"), ("\udc80",), ("x" * 300,)])
def test_texts_come_back_from_an_array(texts: tuple[str, ...]) -> None:
    assert array_texts(texts_array(texts)) == texts


def test_an_array_that_promises_more_texts_than_it_holds_is_none() -> None:
    with pytest.raises(ValueError, match="not an array of texts"):
        array_texts(texts_array(["a", "b"])[:11])


def _with(arrays: dict[str, Any], held: dict[str, Any]) -> dict[str, Any]:
    return {name: array for name, array in (arrays | held).items() if array is not None}
