"""What inspection and a cache policy cost here and in transformers: same shapes, tokens and threads, on the CPU.

``python -m tests.benchmarks.bench_peers [MODEL.gguf] [--what decoding|policies] [--prompt N] [--generated N]
[--threads N]`` prints JSON. Needs the extra ``peers`` in an environment of its own. Measured are

* decoding while all layers' attention is looked at, as the program does: llama.cpp with the tap, its rows kept as
  arrays or reduced to a summary, against ``output_attentions=True`` in bfloat16 and float32;
* a policy step: reading a prompt and choosing what stays, then decoding on under that: llama.cpp under our policies,
  against kvpress on transformers.

Ours runs the file as it is and once more unpacked to float32. Passes of both sides take turns, the best counts; time
is the processor's, which other programs disturb less (of one thread it is the clock's on an idle machine).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.peers import transformers_model, unpacked
from workbench.cache.base import CachePolicy
from workbench.cache.policies.adakv import AdaKV
from workbench.cache.policies.knorm import Knorm
from workbench.cache.policies.snapkv import SnapKV
from workbench.cache.policies.streaming_llm import StreamingLLM
from workbench.llm.compression import Context, Observer, Pressed
from workbench.llm.cores import Cores
from workbench.llm.model import Model, Tokens
from workbench.llm.open import find_language_model
from workbench.llm.recorder import Recorder
from workbench.llm.scope import CHUNK, ScopeContext
from workbench.llm.summary import Summarizer

KEEP = 0.5
DTYPES = ("bfloat16", "float32")
Pass = Callable[[], tuple[float, ...]]
"""Seconds of each part of what is measured."""


class Ours:
    """A GGUF in llama.cpp."""

    def __init__(self, path: Path, tokens: Tokens, read: int, threads: int) -> None:
        self.model = Model(path, gpu_layers=0)
        self.scope = ScopeContext(self.model, -(-len(tokens) // 256) * 256, Cores(threads))
        self.tokens, self.read = tokens, read

    def _at_the_end_of_the_prompt(self) -> None:
        scope = self.scope
        if scope.position < self.read:
            scope.clear()
            for start in range(0, self.read, CHUNK):
                scope.feed_tapped(self.tokens[start : min(start + CHUNK, self.read)])
        scope.evict(self.read, max(scope.position, self.read))

    def decode(self) -> tuple[float]:
        """Seconds to decode the tokens after the prompt, with every layer's weights kept as arrays."""
        self._at_the_end_of_the_prompt()
        scope, recorder = self.scope, Recorder(tuple(range(self.model.n_layer)), bounded=False)
        begin = time.process_time()
        for token in self.tokens[self.read :]:
            scope.feed_tapped(token[None], recorder.layers, steady=True)
            recorder.add(scope.tap.rows, slice(0, scope.position))
        return (time.process_time() - begin,)

    def summed(self) -> tuple[float]:
        """As :meth:`decode`, every layer's weights reduced to the summary that a run keeps."""
        self._at_the_end_of_the_prompt()
        scope, model = self.scope, self.model
        spans = tuple((at, min(at + 64, self.read)) for at in range(0, self.read, 64))
        summarizer = Summarizer(model.n_layer, model.n_head, spans, scope.tap.cells)
        begin = time.process_time()
        for token in self.tokens[self.read :]:
            summarizer.begin(scope.position)
            scope.feed_tapped(token[None], watch=summarizer, steady=True)
        summarizer.begin(scope.position)  # reduces the last one
        return (time.process_time() - begin,)

    def policy(self, policy: CachePolicy) -> tuple[float, float]:
        """Seconds to read the prompt and compress, and to decode greedily as many tokens as come after it."""
        scope, read = self.scope, self.read
        scope.clear()
        context = Context(read, ("x",) * read, np.zeros(read, np.int64))
        begin = time.process_time()
        observer = Observer(scope, policy, read, min(policy.window(policy.budget(read)), read), len(self.tokens) + 1)
        for start in range(0, read, CHUNK):
            logits = observer.feed(self.tokens[start : min(start + CHUNK, read)])
        pressed = Pressed(scope, policy, context, self.tokens[:read], observer)
        compressed = time.process_time()
        for _ in range(len(self.tokens) - read):
            logits = pressed.feed(np.array([logits.argmax()], np.int32))
        return compressed - begin, time.process_time() - compressed

    def close(self) -> None:
        self.scope.close()
        self.model.close()


class Theirs:
    """The same weights in transformers."""

    def __init__(self, path: Path, tokens: Tokens, read: int, dtype: str, attention: str) -> None:
        import torch

        self.model = transformers_model(path, attention, dtype)
        self.ids, self.read = torch.tensor(tokens[None].astype(np.int64)), read
        self.cache: Any = None

    def decode(self) -> tuple[float]:
        """As :meth:`Ours.decode`."""
        import torch
        from transformers import DynamicCache

        with torch.inference_mode():
            if self.cache is None:
                self.cache = DynamicCache()
                for layer in range(self.model.config.num_hidden_layers):
                    self.cache.update(*self._any(), layer)
            self.cache.crop(self.read)
            kept = []
            begin = time.process_time()
            for place in range(self.read, self.ids.shape[1]):
                one = self.ids[:, place : place + 1]
                done = self.model(one, past_key_values=self.cache, output_attentions=True, logits_to_keep=1)
                kept.append(done.attentions)
            took = time.process_time() - begin
        assert len(kept[-1]) == self.model.config.num_hidden_layers and kept[-1][0].shape[-1] == self.ids.shape[1]
        return (took,)

    def _any(self) -> tuple[Any, Any]:
        """Keys and values of the prompt: only the time of what follows is measured, so they are any."""
        import torch

        config = self.model.config
        shape = (1, config.num_key_value_heads, self.read, config.head_dim)
        return torch.randn(shape, dtype=self.model.dtype), torch.randn(shape, dtype=self.model.dtype)

    def policy(self, press: Any) -> tuple[float, float]:
        """As :meth:`Ours.policy`."""
        import torch
        from transformers import DynamicCache

        with torch.inference_mode():
            cache = DynamicCache()
            begin = time.process_time()
            with press(self.model):
                done = self.model(self.ids[:, : self.read], past_key_values=cache, logits_to_keep=1)
            compressed = time.process_time()
            for place in range(self.read, self.ids.shape[1]):
                token = done.logits[:, -1].argmax(-1, keepdim=True)
                where = torch.tensor([[place]])
                done = self.model(token, past_key_values=cache, position_ids=where, logits_to_keep=1)
            return compressed - begin, time.process_time() - compressed


def compared(
    passes: dict[str, Pass], ours: Iterable[str], counts: dict[str, int], repeats: int
) -> dict[str, dict[str, Any]]:
    """Tokens a second of each part, the best of the passes, which take turns, and how many times as fast ours are.

    ``counts`` are the tokens of each part.
    """
    best: dict[str, list[float]] = {}
    for _ in range(repeats + 1):  # the first warms up
        for name, run in passes.items():
            best[name] = [min(pair) for pair in zip(best.get(name, [np.inf] * len(counts)), run(), strict=True)]
    found: dict[str, dict[str, Any]] = {}
    for number, (part, count) in enumerate(counts.items()):
        rates = {name: round(count / seconds[number], 2) for name, seconds in best.items()}
        found[part] = {"tokens/s": rates, "times as fast": against(rates, ours)}
    return found


def against(rates: dict[str, float], ours: Iterable[str]) -> dict[str, dict[str, float]]:
    """How many times as fast each of ours is as each of theirs."""
    theirs = [name for name in rates if name not in ours]
    return {one: {other: round(rates[one] / rates[other], 2) for other in theirs} for one in ours}


def decoding(path: Path, ours: dict[str, Ours], tokens: Tokens, read: int, repeats: int) -> dict[str, Any]:
    """While the attention of all layers is looked at."""
    theirs = {f"transformers {d}": Theirs(path, tokens, read, d, "eager") for d in DTYPES}
    mine: dict[str, Pass] = {f"{name}, arrays": side.decode for name, side in ours.items()}
    mine |= {f"{name}, summary": side.summed for name, side in ours.items()}
    passes = mine | {name: side.decode for name, side in theirs.items()}
    return compared(passes, mine, {"decoding": len(tokens) - read}, repeats)


def policies(path: Path, ours: dict[str, Ours], tokens: Tokens, read: int, repeats: int) -> dict[str, Any]:
    """Reading, compressing and decoding on."""
    import kvpress

    theirs = {f"transformers {d}": Theirs(path, tokens, read, d, "sdpa") for d in DTYPES}
    uniform = SnapKV(keep=KEEP, variant="evicted-uniform")
    pairs: dict[str, tuple[CachePolicy, Any]] = {
        "snapkv": (SnapKV(keep=KEEP), kvpress.SnapKVPress(1 - KEEP)),
        "snapkv evicted": (uniform, kvpress.SnapKVPress(1 - KEEP)),
        "adakv": (AdaKV(keep=KEEP), kvpress.AdaKVPress(kvpress.SnapKVPress(1 - KEEP))),
        "knorm": (Knorm(keep=KEEP), kvpress.KnormPress(1 - KEEP)),
        "streaming-llm": (StreamingLLM(keep=KEEP, every=0, renumber=False), kvpress.StreamingLLMPress(1 - KEEP)),
    }
    found: dict[str, Any] = {}
    counts = {"reading and compressing": read, "decoding": len(tokens) - read}
    for name, (policy, press) in pairs.items():
        passes: dict[str, Pass] = {side: partial(one.policy, policy) for side, one in ours.items()}
        passes |= {side: partial(other.policy, press) for side, other in theirs.items()}
        found[name] = compared(passes, ours, counts, repeats)
    return found


def run(path: Path, prompt: int, generated: int, threads: int, repeats: int, what: str) -> dict[str, Any]:
    """One of the measurements, or both."""
    import torch

    torch.set_num_threads(threads)
    tokens = np.random.default_rng(0).integers(300, 2600, prompt + generated).astype(np.int32)
    found: dict[str, Any] = {"model": path.stem, "prompt": prompt, "generated": generated, "threads": threads}
    with tempfile.TemporaryDirectory() as folder:
        files = {"llama.cpp": path, "llama.cpp float32": unpacked(path, Path(folder) / "f32.gguf")}
        ours = {name: Ours(file, tokens, prompt, threads) for name, file in files.items()}
        if what != "policies":
            found["decoding with attention"] = decoding(path, ours, tokens, prompt, repeats)
        if what != "decoding":
            found["policy step"] = policies(path, ours, tokens, prompt, repeats)
        for one in ours.values():
            one.close()
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="demo")
    parser.add_argument("--what", choices=("decoding", "policies", "both"), default="both")
    parser.add_argument("--prompt", type=int, default=1984)
    parser.add_argument("--generated", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    chosen = find_language_model(given.model)
    figures = run(chosen, given.prompt, given.generated, given.threads, given.repeats, given.what)
    print(json.dumps(figures, indent=1))
