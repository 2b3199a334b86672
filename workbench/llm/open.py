"""Opening a backend: from names (``demo``, ``minilm``, installed models) and paths to a loaded model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import paths
from workbench.errors import ModelError
from workbench.llm.base import Backend, BackendOptions
from workbench.llm.trial import proved
from workbench.models import catalogue, store

if TYPE_CHECKING:
    from workbench.llm.vectors import Embedding

DEMO_MODEL = paths.DEMO_MODEL


def open_backend(options: BackendOptions) -> Backend:
    """Load the model and return the backend that serves it.

    The embedding model is loaded by the first ``embed``; when it is not installed, that call says so.

    Raises:
        ModelError: when the model or llama.cpp itself cannot be used.
        Unavailable: when it is on a server that cannot be reached.
    """
    from workbench.llm.server import is_address, parse

    if is_address(options.model):
        from workbench.llm.remote import RemoteBackend

        return RemoteBackend(parse(options.model), open_embedding(options), options)
    from workbench.llm.llama import LlamaBackend

    return LlamaBackend(proved(find_language_model(options.model)), open_embedding(options), options)


def open_embedding(options: BackendOptions) -> Embedding:
    """Where vectors come from; a file is loaded by the first of them."""
    from workbench.llm.cores import Cores
    from workbench.llm.server import is_address, parse
    from workbench.llm.vectors import FileEmbedding, HashEmbedding, MissingEmbedding

    if is_address(options.embedder):
        from workbench.llm.remote import RemoteEmbedding

        return RemoteEmbedding(parse(options.embedder))
    path, missing = find_embedder(options.embedder)
    if missing is not None:
        return MissingEmbedding(options.embedder, missing)
    if path is None:
        return HashEmbedding()
    return FileEmbedding(proved(path, embedding=True), Cores(options.threads), options.gpu_layers, options.exact)


def find_language_model(name: str) -> Path:
    """The file of a model: ``demo``, the name of an installed one, or a path.

    Raises:
        ModelError: when there is no such file.
    """
    if name == "demo":
        found = paths.find_model(DEMO_MODEL)
        if found is None:
            raise ModelError("the bundled model is not in resources/models", "choose a GGUF with --model PATH")
        return found
    path, known = Path(name).expanduser(), store.find(name)
    if known is not None:
        if not known.there:
            raise ModelError(f"the file of {name} is gone: {known.file}", f"`mnemoscope models get {name}`, or add it")
        return known.file
    found = path if path.is_file() else paths.find_model(path.name)
    if found is None and name in catalogue.entries():
        raise ModelError(f"the model {name} is not installed", f"`mnemoscope models get {name}` obtains it")
    if found is None:
        raise ModelError(f"no model file {name}", "check the path; `mnemoscope models list` has the names")
    return found


def find_embedder(name: str) -> tuple[Path | None, ModelError | None]:
    """The file of an embedder name or path: (path, None), (None, None) for ``hash``, (None, why) when it is missing.

    ``MNEMOSCOPE_EMBEDDER`` names the file that ``minilm`` stands for, before the usual folders are searched.
    """
    if name == "hash":
        return None, None
    if name == "minilm":
        given = os.environ.get("MNEMOSCOPE_EMBEDDER")
        found = Path(given) if given else paths.embedding_model()
        if found is None or not found.is_file():
            return None, ModelError(
                "the embedding model all-MiniLM-L6-v2 is not installed", "run `make run` once, or use --embedder hash"
            )
        return found, None
    path = Path(name).expanduser()
    found = path if path.is_file() else paths.find_model(path.name)
    if found is None:
        return None, ModelError(f"no embedding model {path}", "check the path, or use --embedder hash")
    return found, None
