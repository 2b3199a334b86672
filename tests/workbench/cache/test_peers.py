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
from workbench.cache.base import Observation
from workbench.cache.policies.adakv import AdaKV
from workbench.cache.policies.h2o import H2O
from workbench.cache.policies.knorm import Knorm
from workbench.cache.policies.pyramidkv import PyramidKV
from workbench.cache.policies.snapkv import SnapKV
from workbench.cache.policies.streaming_llm import StreamingLLM
from workbench.cache.policies.tova import TOVA
from workbench.cache.selection import ScoredPolicy, top
from workbench.llm.compression import Context, Observer
from workbench.llm.model import Model
from workbench.llm.scope import CHUNK, ScopeContext

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # what others warn of is theirs
SHAPE = Shape(layers=4, width=96, heads=6, kv_heads=3, inner=192, context=1024)
COUNT = 250


@dataclass
class Both:
    """One random llama in both worlds, and a text of :data:`COUNT` tokens."""

    scope: ScopeContext
    theirs: Any
    eager: Any
    tokens: np.ndarray

    def seen(self, policy: Any, budget: int) -> Observation:
        self.scope.clear()
        observer = Observer(self.scope, policy, COUNT, policy.window(budget), COUNT + 1)
        for start in range(0, COUNT, CHUNK):
            observer.feed(self.tokens[start : min(COUNT, start + CHUNK)])
        context = Context(COUNT, ("x",) * COUNT, np.zeros(COUNT, np.int64))
        return observer.seen(context, np.ones((SHAPE.layers, SHAPE.kv_heads, COUNT), bool))

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
        kept = np.zeros((SHAPE.layers, SHAPE.kv_heads, COUNT), bool)
        for layer in range(SHAPE.layers):
            for head in range(SHAPE.kv_heads):
                every, some = (c.layers[layer].keys[0, head].numpy() for c in (full, cut))
                distance = np.abs(every[None] - some[:, None]).max(-1)
                kept[layer, head, distance.argmin(1)] = True
        return kept

    def masked(self, press: Any) -> np.ndarray:
        """The same of a press that masks instead of pruning."""
        import torch

        kept = np.ones((SHAPE.layers, SHAPE.kv_heads, COUNT), bool)
        with torch.no_grad(), press(self.theirs):
            self.theirs(torch.tensor(self.tokens[None].astype(np.int64)))
        for layer in range(SHAPE.layers):
            _, heads, places = self.theirs.model.layers[layer].self_attn.masked_key_indices
            kept[layer, heads.numpy(), places.numpy()] = False
        return kept


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    pytest.importorskip("kvpress", reason="needs the extra peers: pip install -e .[peers]")
    path: Path = tmp_path_factory.mktemp("models") / "random.gguf"
    weights = write_model(path, SHAPE, scale=0.2)
    model = Model(path)
    scope = ScopeContext(model, 512, threads=1, kv_type="f32")
    tokens = np.random.default_rng(4).permutation(np.arange(5, 277))[:COUNT].astype(np.int32)  # equal ones would tie
    yield Both(scope, their_model(weights, "sdpa"), their_model(weights, "eager"), tokens)
    scope.close()
    model.close()


def their_model(weights: dict[str, np.ndarray], attention: str) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    vocabulary = len(weights["token_embd.weight"])
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=SHAPE.width,
        intermediate_size=SHAPE.inner,
        num_hidden_layers=SHAPE.layers,
        num_attention_heads=SHAPE.heads,
        num_key_value_heads=SHAPE.kv_heads,
        max_position_embeddings=SHAPE.context,
        rms_norm_eps=SHAPE.eps,
        rope_theta=SHAPE.rope_base,
        attn_implementation=attention,
    )
    model = LlamaForCausalLM(config).eval()
    names = {
        "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
        "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
        "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
    }  # fmt: skip
    state = {
        "model.embed_tokens.weight": weights["token_embd.weight"],
        "model.norm.weight": weights["output_norm.weight"],
        "lm_head.weight": weights["output.weight"],
    }
    for layer in range(SHAPE.layers):
        for ours, name in names.items():
            weight = weights[f"blk.{layer}.{ours}.weight"]
            if ours in ("attn_q", "attn_k"):
                weight = halves(weight)
            state[f"model.layers.{layer}.{name}.weight"] = weight
    model.load_state_dict({name: torch.tensor(w, dtype=torch.float32) for name, w in state.items()})
    return model


def halves(weight: np.ndarray) -> np.ndarray:
    """llama.cpp turns neighbouring channels together, transformers those half a head apart."""
    heads = weight.reshape(-1, SHAPE.head // 2, 2, weight.shape[1])
    return heads.swapaxes(1, 2).reshape(weight.shape)


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
    same(np.broadcast_to(kept, (SHAPE.layers, SHAPE.kv_heads, COUNT)), both.pressed(kvpress.StreamingLLMPress(ratio)))


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
