"""What the engine says it holds: llama.cpp's own sizes, the system's pages, the scheduler's queue."""

import asyncio
import sys
from pathlib import Path

import psutil
import pytest

from workbench.llm.base import AnswerRequest, CompletionRequest
from workbench.llm.llama import LlamaBackend
from workbench.llm.load import Buffer, buffers, offloaded, resident
from workbench.llm.messages import Message

LOG = (
    "load_tensors:   CPU_Mapped model buffer size =    92.10 MiB",
    "load_tensors: offloaded 13/25 layers to GPU",
    "llama_kv_cache:      CUDA0 KV buffer size =  1440.00 MiB",
    "llama_kv_cache:        CPU KV buffer size =     0.00 MiB",
    "sched_reserve:        CPU compute buffer size =    41.50 MiB",
    "something else of 12 MiB",
)


def test_the_log_tells_buffers_and_layers() -> None:
    assert buffers(LOG, "work") == (
        Buffer("CPU_Mapped", "weights", "work", round(92.10 * 1048576)),
        Buffer("CUDA0", "cache", "work", 1440 << 20),
        Buffer("CPU", "compute", "work", round(41.5 * 1048576)),
    )
    assert (offloaded(LOG), offloaded(())) == (13, 0)


def test_a_backend_says_what_it_holds_and_did(backend: LlamaBackend, model_path: Path) -> None:
    before = backend.load()
    request = CompletionRequest((Message("user", "Ana lives in Oslo."),), max_tokens=4)
    asyncio.run(backend.complete(request))
    asyncio.run(backend.answer(AnswerRequest((Message("user", "Where?"),), max_tokens=2)))
    load = backend.load()
    assert load.tokens > before.tokens and load.seconds > before.seconds
    assert load.held > 0 and (load.active, load.waiting, load.answering) == (0, 0, 0)
    assert (load.threads, load.layers, load.context) == (1, 3, 1024)
    assert load.file == model_path.stat().st_size
    kinds = {(one.kind, one.owner) for one in load.buffers}
    assert {("weights", "model"), ("cache", "work"), ("cache", "scope"), ("compute", "work")} <= kinds
    cache = sum(one.bytes for one in load.buffers if (one.kind, one.owner) == ("cache", "work"))
    assert cache == pytest.approx(load.kv_per_token * load.context * load.sequences, rel=0.02)
    assert load.process > 10_000_000


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lets a process see its mappings freely")
def test_of_a_mapped_file_the_pages_in_memory_are_counted(backend: LlamaBackend, model_path: Path) -> None:
    here = resident(model_path)
    assert here is not None and 0 < here <= model_path.stat().st_size + 8192
    assert resident(model_path.with_name("other.gguf")) is None
    name = str(model_path.resolve())
    assert here == pytest.approx(sum(m.rss for m in psutil.Process().memory_maps() if m.path == name), abs=65536)
