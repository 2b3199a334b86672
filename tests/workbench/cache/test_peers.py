"""The same weights in llama.cpp under our policies and in transformers under kvpress: the same tokens are kept.

Needs the extra ``peers`` (torch, transformers, kvpress 0.5.5).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.gguf_models import Shape, write_model
from tests.support.peers import transformers_model, unpacked
from workbench import paths
from workbench.cache.base import Observation
from workbench.cache.policies.adakv import AdaKV
from workbench.cache.policies.h2o import H2O
from workbench.cache.policies.knorm import Knorm
from workbench.cache.policies.pyramidkv import PyramidKV
from workbench.cache.policies.snapkv import SnapKV
from workbench.cache.policies.streaming_llm import StreamingLLM
from workbench.cache.policies.tova import TOVA
from workbench.cache.selection import ScoredPolicy, top
from workbench.llm.chat import Chat
from workbench.llm.compression import Context, Observer
from workbench.llm.model import Model
from workbench.llm.open import find_language_model
from workbench.llm.scope import CHUNK, ScopeContext
from workbench.sessions.formats import read

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # what others warn of is theirs
COUNT = 250


@dataclass
class Both:
    """One llama in both worlds, and a text of :data:`COUNT` tokens."""

    scope: ScopeContext
    theirs: Any
    eager: Any
    tokens: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        """Layers, key heads, tokens."""
        return self.scope.model.n_layer, self.scope.model.n_head_kv, COUNT

    def seen(self, policy: Any, budget: int) -> Observation:
        self.scope.clear()
        observer = Observer(self.scope, policy, COUNT, policy.window(budget), COUNT + 1)
        for start in range(0, COUNT, CHUNK):
            observer.feed(self.tokens[start : min(COUNT, start + CHUNK)])
        context = Context(COUNT, ("x",) * COUNT, np.zeros(COUNT, np.int64))
        return observer.seen(context, np.ones(self.shape, bool))

    def pressed(self, press: Any, eager: bool = False) -> np.ndarray:
        """What kvpress keeps, bool [layer, kv_head, token], found by the keys that are still there."""
        import torch
        from transformers import DynamicCache

        model = self.eager if eager else self.theirs
        ids = torch.tensor(self.tokens[None].astype(np.int64))
        full, cut = DynamicCache(), DynamicCache()
        with torch.no_grad():
            model(ids, past_key_values=full)
            with press(model):
                model(ids, past_key_values=cut)
        kept = np.zeros(self.shape, bool)
        for layer in range(self.shape[0]):
            for head in range(self.shape[1]):
                every, some = (c.layers[layer].keys[0, head].numpy() for c in (full, cut))
                distance = np.abs(every[None] - some[:, None]).max(-1)
                kept[layer, head, distance.argmin(1)] = True
        return kept

    def masked(self, press: Any) -> np.ndarray:
        """The same of a press that masks instead of pruning."""
        import torch

        kept = np.ones(self.shape, bool)
        with torch.no_grad(), press(self.theirs):
            self.theirs(torch.tensor(self.tokens[None].astype(np.int64)))
        for layer in range(self.shape[0]):
            _, heads, places = self.theirs.model.layers[layer].self_attn.masked_key_indices
            kept[layer, heads.numpy(), places.numpy()] = False
        return kept


@pytest.fixture(scope="module", params=["random", "bundled"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    pytest.importorskip("kvpress", reason="needs the extra peers: pip install -e .[peers]")
    path: Path = tmp_path_factory.mktemp("models") / f"{request.param}.gguf"
    if request.param == "random":
        write_model(path, Shape(layers=4, width=96, heads=6, kv_heads=3, inner=192, context=1024), scale=0.2)
    else:
        unpacked(find_language_model("demo"), path)
    model = Model(path)
    scope = ScopeContext(model, 512, threads=1, kv_type="f32")
    # Equal tokens would tie: their first keys are the same.
    told = np.arange(5, 277) if request.param == "random" else words(model)
    tokens = np.random.default_rng(4).permutation(told)[:COUNT].astype(np.int32)
    assert len(tokens) == COUNT
    yield Both(scope, transformers_model(path, "sdpa"), transformers_model(path, "eager"), tokens)
    scope.close()
    model.close()


def words(model: Model) -> np.ndarray:
    """The different tokens of a sample session."""
    session = read(paths.sample_sessions() / "mixed-long.json")[0]
    return np.unique(Chat(model).controls.plain("\n".join(turn.said for turn in session.turns)))


def test_both_say_the_same(both: Both) -> None:
    """Logits of the whole text: the weights are the same, and in their places."""
    import torch

    both.scope.clear()
    ours = [both.scope.feed_tapped(both.tokens[a : a + CHUNK], every_logit=True).copy() for a in range(0, COUNT, CHUNK)]
    with torch.no_grad():
        theirs = both.theirs(torch.tensor(both.tokens[None].astype(np.int64))).logits[0].numpy()
    assert np.abs(np.concatenate(ours) - theirs).max() < 1e-3 * np.abs(theirs).max()


def same(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Equal but for scores that differ in the last digits of float32."""
    assert (ours.sum(-1) == theirs.sum(-1)).all()
    assert (ours != theirs).sum() <= 2, np.argwhere(ours != theirs)


RATIOS = (0.25, 0.5, 0.8)


@pytest.mark.parametrize("ratio", RATIOS)
def test_snapkv_knorm_and_streaming_keep_what_kvpress_keeps(both: Both, ratio: float) -> None:
    import kvpress

    budget = int(COUNT * (1 - ratio))
    policy = SnapKV(window_size=16)
    same(policy.plan(both.seen(policy, budget), budget).kept, both.pressed(kvpress.SnapKVPress(ratio, 16)))
    knorm = Knorm()
    same(knorm.plan(both.seen(knorm, budget), budget).kept, both.pressed(kvpress.KnormPress(ratio)))
    stream = StreamingLLM(renumber=False)
    kept = stream.plan(both.seen(stream, budget), budget).kept
    same(np.broadcast_to(kept, both.shape), both.pressed(kvpress.StreamingLLMPress(ratio)))


@pytest.mark.parametrize("ratio", RATIOS)
def test_tova_keeps_what_kvpress_keeps_beside_the_last_token(both: Both, ratio: float) -> None:
    import kvpress

    budget, policy = int(COUNT * (1 - ratio)), TOVA()
    seen = both.seen(policy, budget)
    last = np.arange(COUNT) == COUNT - 1  # kvpress never gives it up
    same(top(np.where(last, np.inf, policy.scores(seen, budget)), budget), both.pressed(kvpress.TOVAPress(ratio)))


@pytest.mark.parametrize("ratio", RATIOS)
def test_observed_attention_is_h2o_by_the_mean_without_recent_tokens(both: Both, ratio: float) -> None:
    import kvpress

    budget, policy = int(COUNT * (1 - ratio)), H2O(mean=True, recent=0)
    same(
        policy.plan(both.seen(policy, budget), budget).kept,
        both.pressed(kvpress.ObservedAttentionPress(ratio), eager=True),
    )


@pytest.mark.parametrize("ratio", RATIOS)
def test_pyramidkv_keeps_the_same_tokens_for_the_same_counts(both: Both, ratio: float) -> None:
    import kvpress

    budget = int(COUNT * (1 - ratio))
    theirs = both.pressed(kvpress.PyramidKVPress(ratio, window_size=16, beta=5))
    policy: ScoredPolicy = PyramidKV(window_size=16)
    seen = both.seen(policy, budget)
    ranked = np.where(policy.fixed(seen, budget), np.inf, policy.scores(seen, budget))
    same(top(ranked, theirs.sum(-1)), theirs)


@pytest.mark.parametrize("ratio", RATIOS)
def test_adakv_keeps_what_kvpress_keeps(both: Both, ratio: float) -> None:
    import kvpress

    budget, policy = int(COUNT * (1 - ratio)), AdaKV(window_size=16)
    theirs = both.masked(kvpress.AdaKVPress(kvpress.SnapKVPress(ratio, 16), 0.2))
    same(policy.plan(both.seen(policy, budget), budget).kept, theirs)
