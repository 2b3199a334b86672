"""The engine of a Ray cluster: tasks on its nodes, each done by an engine process there, results written here.

A session and the code of lanes given by path travel with every task. A model's file is used where it lies on a node at
the same path with the same content; else it travels once through Ray's object store and is kept in that node's cache
folder. The program must be installed on every node in the same version: what computes is part of a result's key.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench import console, paths
from workbench.engine.config import RunConfig
from workbench.engine.run import versions
from workbench.errors import Cancelled, MnemoscopeError
from workbench.lanes import LaneSpec
from workbench.llm.gguf_file import sha256
from workbench.llm.server import is_address
from workbench.memory.prompt_sets import chosen
from workbench.plugins import fingerprint
from workbench.sweep.drive import Outcome
from workbench.sweep.hand import Hand, Job
from workbench.sweep.tasks import Plan, Task, Weights, embedding_weights, language_weights

MOST = 8 << 30
"""Bytes of a model that travels; a larger one must lie on the nodes."""
_LOOK = 2.0  # seconds between two looks at how large the cluster is
_PATIENCE = 60.0  # seconds without a node that could do anything, after which the sweep ends
_STORE = 256 << 20  # bytes of the object store of a cluster that is started here, beside the models'


@dataclass(frozen=True, slots=True)
class Parcel:
    """A model's file on its way.

    Attributes:
        weights: what the sweep calls it; its file is the driver's.
        ref: its bytes in the object store; None where it is not sent.
    """

    weights: Weights
    ref: Any = None


@dataclass(frozen=True, slots=True)
class Order:
    """A job with all that a node may lack.

    Attributes:
        versions: of the program and what computes; the node must have the same.
        code: by path as it stands in the lanes: the file's SHA-256 and content.
        prompts: digest of the prompt set.
    """

    job: Job
    versions: Mapping[str, str]
    model: Parcel
    embedder: Parcel
    code: Mapping[str, tuple[str, bytes]]
    prompts: str


@dataclass(frozen=True, slots=True)
class Result:
    """What a node gives back: the run file's bytes, compressed by zlib, or why there are none; and how files came."""

    where: str
    content: bytes = b""
    error: str = ""
    way: str = ""


class RayEngine:
    """Tasks on a cluster.

    Args:
        address: of a cluster that is there; empty starts one on this machine.
        workers: tasks at once; None as many as the cluster has cores (or GPUs) for.

    Raises:
        MnemoscopeError: Ray is not installed, or there is no cluster.
    """

    def __init__(self, plan: Plan, address: str, workers: int | None) -> None:
        self._ray, self._sweep, self._workers = _ray(), plan.sweep, workers
        self._own = not address
        self._models = {w.digest: w for v in plan.variants for w in (v.model, v.embedder) if w.file}
        self._connect(address)
        resources = {"num_cpus": self._sweep.threads, "num_gpus": self._sweep.gpus, "max_retries": 0}
        self._work = self._ray.remote(**resources)(perform)
        self._parcels = {digest: self._parcel(weights) for digest, weights in self._models.items()}
        self._code = {given: code for lane in self._sweep.lanes for given, code in _code(lane).items()}
        self._under_way: dict[Any, Task] = {}
        self._notes: dict[str, None] = {}
        self._looked, self._most, self._able = 0.0, 0, time.monotonic()

    @property
    def title(self) -> str:
        """How large the cluster is."""
        alive = [node for node in self._ray.nodes() if node["Alive"]]
        cpus = int(self._ray.cluster_resources().get("CPU", 0))
        return f"Ray, {console.count(len(alive), 'node')}, {console.count(cpus, 'core')}"

    @property
    def notes(self) -> tuple[str, ...]:
        """How models came to each node."""
        return tuple(self._notes)

    def room(self) -> int:
        """How many more tasks there are cores and GPUs for; nodes may come and go.

        Raises:
            MnemoscopeError: for a while there has been no node that could do a task.
        """
        now = time.monotonic()
        if now - self._looked > _LOOK:
            self._looked, self._most = now, self._slots()
            self._able = now if self._most else self._able
        if now - self._able > _PATIENCE:
            what = f"no node has the {self._sweep.threads} cores and {self._sweep.gpus:g} GPUs of a task"
            raise MnemoscopeError(what, "start nodes, or say fewer threads: and gpus: - the same command goes on")
        return max(0, self._most - len(self._under_way))

    def start(self, task: Task) -> None:
        """Send a task out."""
        variant = task.variant
        demo = variant.config.model == "demo"
        order = Order(
            Job(task.key, task.config, task.source.session, task.cells),
            versions(),
            self._parcels.get(variant.model.digest, Parcel(variant.model)),
            self._parcels.get(variant.embedder.digest, Parcel(variant.embedder)),
            {given: self._code[given] for lane in task.lanes for given in _paths(lane)},
            chosen(variant.config.prompts, demo).digest,
        )
        self._under_way[self._work.remote(order)] = task

    def wait(self, seconds: float) -> list[Outcome]:
        """Attempts that have ended since."""
        if not self._under_way:
            time.sleep(seconds)  # no node at all just now
            return []
        ready, _ = self._ray.wait(list(self._under_way), num_returns=1, timeout=seconds)
        if ready and len(self._under_way) > 1:
            ready, _ = self._ray.wait(list(self._under_way), num_returns=len(self._under_way), timeout=0)
        return [self._outcome(ref, self._under_way.pop(ref)) for ref in ready]

    def stop(self) -> None:
        """Nothing to do at once: the driver waits no longer, and :meth:`close` ends what is under way."""

    def close(self) -> None:
        """End what is under way, and the cluster when it was started here."""
        for ref in self._under_way:
            with suppress(Exception):  # it may have ended, its node may be gone
                self._ray.cancel(ref, force=True)
        self._ray.shutdown()

    def _connect(self, address: str) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_worker_niceness", "0")  # as the processes of the local engine
        quiet = {"log_to_driver": False, "logging_level": "error"}
        try:
            if address:
                self._ray.init(address=address, **quiet)
            else:
                store = _STORE + 2 * sum(w.file.stat().st_size for w in self._models.values() if w.file)
                cpus = self._workers * self._sweep.threads if self._workers else None
                self._ray.init(num_cpus=cpus, include_dashboard=False, object_store_memory=store, **quiet)
        except (OSError, RuntimeError, ValueError, TimeoutError) as error:
            what = f"no Ray cluster at {address}" if address else "Ray cannot be started here"
            line = " ".join(str(error).split())[:300]
            remedy = "`ray start --head` starts one and prints its address" if address else "see docs/sweeps.md"
            raise MnemoscopeError(f"{what} ({line})", remedy) from error

    def _slots(self) -> int:
        here = self._ray.cluster_resources()
        slots = int(here.get("CPU", 0)) // self._sweep.threads
        if self._sweep.gpus:
            slots = min(slots, int(here.get("GPU", 0) / self._sweep.gpus))
        return min(slots, self._workers) if self._workers else slots

    def _parcel(self, weights: Weights) -> Parcel:
        """A model's file in the object store; what ships with the program is not sent, nor what is too large."""
        assert weights.file is not None
        if weights.name == "demo" or weights.file.stat().st_size > MOST:
            return Parcel(weights)
        return Parcel(weights, self._ray.put(weights.file.read_bytes()))

    def _outcome(self, ref: Any, task: Task) -> Outcome:
        errors = self._ray.exceptions
        try:
            result: Result = self._ray.get(ref)
        except (errors.RayTaskError, errors.OutOfMemoryError) as error:
            return Outcome(task, error=_line(error))
        except errors.RayError as error:  # its worker or node has died, or its result with them
            return Outcome(task, error=_line(error), lost=True)
        if result.way:
            self._notes[f"{result.where}: {result.way}"] = None
        if result.error:
            return Outcome(task, error=f"{result.where}: {result.error}", where=result.where)
        return Outcome(task, zlib.decompress(result.content), where=result.where)


def _ray() -> Any:
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        what = f"Ray is not installed ({error})"
        raise MnemoscopeError(what, "pip install 'mnemoscope[cluster]', or --engine local") from error
    return ray


def _line(error: Exception) -> str:
    """The last line of Ray's many: what was raised."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[-1] if lines else ''}"[:300]


def _paths(lane: str) -> list[str]:
    return list(LaneSpec.parse(lane).outside.values())


def _code(lane: str) -> dict[str, tuple[str, bytes]]:
    """By ``path/to/file.py:Class`` of a lane the file's hash and content."""
    return {given: (fingerprint(given), Path(given.rpartition(":")[0]).read_bytes()) for given in _paths(lane)}


# On a node ------------------------------------------------------------------------------------------------------------

_hand: Hand | None = None
"""The engine of this Ray worker, which does one task after another."""


def perform(order: Order) -> Result:
    """Do a task on the node that this is called on."""
    import ray

    global _hand
    where = f"{socket.gethostname()}/{ray.get_runtime_context().get_node_id()[:6]}"
    if _hand is None:
        vars(sys.modules["__main__"]).pop("__file__", None)  # a spawned engine would run Ray's own script again
        _hand = Hand()
    try:
        _same_versions(order)
        config, way = _fitted(order, ray.get)
        with tempfile.TemporaryDirectory(prefix="mnemoscope-task-") as folder:
            out = Path(folder) / f"{order.job.key}.mnemo"
            _hand.do(replace(order.job, config=config), out)
            return Result(where, zlib.compress(out.read_bytes(), 1), way=way)
    except (MnemoscopeError, Cancelled, OSError) as error:
        return Result(where, error=str(error))


def _same_versions(order: Order) -> None:
    here = versions()
    for name, version in order.versions.items():
        if here.get(name) != version:
            what = f"this node has {name} {here.get(name)}, the sweep was begun with {version}"
            raise MnemoscopeError(what, "install the same version on every node")


def _fitted(order: Order, get: Any) -> tuple[RunConfig, str]:
    """The configuration with this node's paths, and how its models came here."""
    config = order.job.config
    model, how = _arrived(order.model, get, embedding=False)
    embedder, how_vectors = _arrived(order.embedder, get, embedding=True)
    lanes = tuple(_lane(lane, order.code) for lane in config.lanes)
    if chosen(config.prompts, config.model == "demo").digest != order.prompts:
        raise MnemoscopeError(f"the prompts {config.prompts} are others on this node", "put the same folder there")
    way = ", ".join(f"{what} {how}" for what, how in (("model", how), ("embedder", how_vectors)) if how)
    return replace(config, model=model, embedder=embedder, lanes=lanes), way


def _arrived(parcel: Parcel, get: Any, embedding: bool) -> tuple[str, str]:
    """What a model is called on this node, and how it came here: by path, from the cache, by the object store."""
    weights = parcel.weights
    if weights.file is None:
        return weights.name, "at its server" if is_address(weights.name) else ""
    with suppress(MnemoscopeError):
        here = (embedding_weights if embedding else language_weights)(weights.name)
        if here.digest == weights.digest:
            return weights.name, "by path"
    if weights.file.is_file() and sha256(weights.file) == weights.digest:
        return str(weights.file), "by path"
    if weights.name == "demo":
        raise MnemoscopeError("this node's bundled model is another", "install the same version on every node")
    kept = paths.user_cache() / "sweep" / weights.digest[:32] / weights.file.name
    if kept.is_file() and sha256(kept) == weights.digest:
        return str(kept), "from the cache"
    if parcel.ref is None:
        raise MnemoscopeError(f"{weights.file.name} is too large to travel", f"put it on every node at {weights.file}")
    _write(kept, get(parcel.ref))
    return str(kept), "by the object store"


def _lane(lane: str, code: Mapping[str, tuple[str, bytes]]) -> str:
    """A lane with the files of its code where this node has them."""
    for given, (digest, content) in code.items():
        path = given.rpartition(":")[0]
        with suppress(OSError):
            if fingerprint(given) == digest:
                continue
        kept = paths.user_cache() / "sweep" / digest[:32] / Path(path).name
        if not kept.is_file():
            _write(kept, content)
        lane = lane.replace(path, str(kept))
    return lane


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; several workers of a node may do so at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_bytes(content)
    part.replace(path)
