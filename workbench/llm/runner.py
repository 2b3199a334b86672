"""Answers in the scope context, one at a time.

The prompt is computed in chunks cut at multiples of ``CHUNK``, its last token alone. Whole chunks that a later prompt
shares are kept, since the lanes ask in turn and each adds to its own context: in several sequences, and on a shelf when
one has to make room. They were computed in the same shapes, so the numbers are the same as from an empty cache.

Under a cache policy the sequence is saved before it is compressed: the full cache's own answer is what the policy's
predictions are compared with, and the sequence is put back for whoever asks next.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from workbench.cache.base import CachePolicy, Floats
from workbench.errors import MnemoscopeError, ModelError
from workbench.llm.base import Capture, Compression, Stop
from workbench.llm.compression import Context, Observer, Pressed, Reference, chunks, divergence, log_softmax
from workbench.llm.model import Tokens, common_prefix
from workbench.llm.output import Generated, Output
from workbench.llm.recorder import Recorder
from workbench.llm.scope import CHUNK, Masked, ScopeContext, Snapshot
from workbench.llm.shelf import Shelf, shelf_bytes
from workbench.llm.summary import Summarizer
from workbench.llm.tap import Edit, Watch
from workbench.llm.worker import Served, Ticket

CHANCE_OF_REUSE = 0.25
"""How likely what a sequence holds is wanted again; weighs its loss against what a new prompt saves."""
_ENDING = 2 * CHUNK  # tokens
_REFERENCES = 8
"""Answers of the full cache that are remembered: the lanes of one memory ask with the same prompt in turn."""


@dataclass(frozen=True, slots=True, eq=False)
class CacheJob:
    """A policy to answer under. ``compare``: measure how far its predictions are from the full cache's."""

    policy: CachePolicy
    context: Context
    compare: bool = True


class Visit:
    """Takes what every layer hands on at positions ``start…end-1``: ``states``, float32 ``[layer, position, width]``.

    Attributes:
        at: position of the first token of the decode that is under way.
    """

    def __init__(self, start: int, end: int, layers: int, width: int) -> None:
        self.start, self.end, self.at = start, end, 0
        self.states = np.full((layers, end - start, width), np.nan, np.float32)

    def __call__(self, layer: int, states: Floats) -> None:
        """See :meth:`workbench.llm.tap.Tap.prepare`."""
        first, last = max(self.start, self.at), min(self.end, self.at + len(states))
        if first < last:
            self.states[layer, first - self.start : last - self.start] = states[first - self.at : last - self.at]


Answer = tuple[Generated, Capture | None, Compression | None]


@dataclass(slots=True, eq=False)
class ScopeJob:
    """One answer in the scope context.

    Attributes:
        output: makes an empty output.
        masked: what is knocked out.
        capture: keep a summary of the attention; with ``arrays`` the attention itself as well.
        layers: of the arrays; None all of them, within the recorder's bound, an empty one all without a bound.
        spans: token ranges that the summary counts attention on.
        visit: nothing is answered: the prompt is read for the hidden states that this takes.
    """

    ticket: Ticket[Answer]
    prompt: Tokens
    output: Callable[[], Output]
    forced: Tokens | None = None
    capture: bool = True
    arrays: bool = True
    layers: tuple[int, ...] | None = None
    spans: tuple[tuple[int, int], ...] = ()
    masked: Masked = field(default_factory=Masked)
    cache: CacheJob | None = None
    visit: Visit | None = None


@dataclass(slots=True)
class _Kept:
    """The whole chunks of the last prompt of a sequence, the number of the job that had it, and how often it was taken
    from the shelf."""

    prompt: Tokens = field(default_factory=lambda: np.zeros(0, np.int32))
    used: int = 0
    wanted: int = 0


@dataclass(frozen=True, slots=True)
class _Watch:
    """What looks on while an answer is written."""

    summarizer: Summarizer
    recorder: Recorder | None

    @property
    def layers(self) -> tuple[int, ...]:
        return self.recorder.layers if self.recorder is not None else ()


Feed = Callable[[Tokens, tuple[int, ...], Watch | None], Floats]


class ScopeRunner:
    """Answers jobs one after another, one decode per step. Lives on the worker's thread.

    Args:
        exact: every answer from an empty cache.
        shelf: bytes for contexts that made room for others; None: as memory allows.
    """

    def __init__(self, scope: ScopeContext, exact: bool = False, shelf: int | None = None) -> None:
        self.scope, self._exact = scope, exact
        self.shelf = Shelf(0 if exact else shelf_bytes() if shelf is None else shelf)
        self._waiting: deque[ScopeJob] = deque()
        self._job: ScopeJob | None = None
        self._run: Iterator[None] = iter(())
        self._kept = [_Kept() for _ in range(1 if exact else scope.context.options.sequences)]
        self._answered = 0
        self._references: OrderedDict[tuple[object, ...], Reference] = OrderedDict()

    @property
    def busy(self) -> bool:
        """Whether any job waits or runs."""
        return bool(self._waiting or self._job)

    @property
    def queue(self) -> int:
        """Jobs that wait or run."""
        return len(self._waiting) + (self._job is not None)

    def add(self, job: ScopeJob) -> None:
        """Queue a job."""
        self._waiting.append(job)

    def step(self) -> Served:
        """One decode of the running job."""
        if self._job is not None and self._job.ticket.cancelled:
            self._job = None
        while self._job is None and self._waiting:
            job = self._waiting.popleft()
            if not job.ticket.cancelled:
                self._job, self._run = job, self._answer(job)
        if self._job is None:
            return ()
        served = [(self._job.ticket, 1)]
        try:
            next(self._run)
        except StopIteration:
            self._job = None
        except Exception as error:
            self.forget()
            self._job.ticket.fail(_told(error, self._job))
            self._job = None
        return served

    def fail(self, error: BaseException) -> None:
        """Fail every job."""
        for job in ([self._job] if self._job else []) + list(self._waiting):
            job.ticket.fail(error)
        self._job = None
        self._waiting.clear()
        self.forget()

    def forget(self) -> None:
        """Empty the cache; no job may be running."""
        self._kept = [_Kept() for _ in self._kept]
        self.shelf.clear()
        self.scope.clear()

    def close(self) -> None:
        """Free the context."""
        self.scope.close()

    # One answer

    def _answer(self, job: ScopeJob) -> Iterator[None]:
        if job.cache is not None:
            yield from self._pressed(job, job.cache)
            return
        if job.visit is not None:
            yield from self._visited(job, job.visit)
            return
        kept, mask = self._reuse(job), self._mask(job)
        for start, end in chunks(self.scope.position, len(job.prompt) - 1, CHUNK):
            self.scope.feed_tapped(job.prompt[start:end], edit=mask)
            self._keep(kept, job, end)
            yield
        watch = self._watch(job)
        done = yield from self._write(job, self._plain(mask), watch)
        job.ticket.resolve((done, self._captured(job, watch, done), None))

    def _visited(self, job: ScopeJob, visit: Visit) -> Iterator[None]:
        kept = self._reuse(job, visit.start)
        for start, end in chunks(self.scope.position, len(job.prompt), CHUNK):
            visit.at = start
            self.scope.feed_tapped(job.prompt[start:end], hidden=visit, every_logit=True)
            self._keep(kept, job, end)
            yield
        job.ticket.resolve((job.output().result("end"), None, None))

    def _plain(self, mask: Edit | None) -> Feed:
        return lambda tokens, layers, watch: self.scope.feed_tapped(tokens, layers, mask, watch, steady=True)[-1]

    def _mask(self, job: ScopeJob) -> Edit | None:
        return self.scope.masker(job.masked) if len(job.masked.positions) else None

    def _keep(self, kept: _Kept, job: ScopeJob, end: int) -> None:
        """Remember whole chunks that were read as any prompt's would be."""
        hidden = job.masked.positions
        if end % CHUNK == 0 and (not len(hidden) or end <= hidden.min()):
            kept.prompt = job.prompt[:end].copy()

    def _write(self, job: ScopeJob, feed: Feed, watch: _Watch | None) -> Generator[None, None, Generated]:
        """Generate from the prompt's last token on, or score the forced tokens."""
        output, token = job.output(), int(job.prompt[-1])
        while True:
            logits = self._feed(feed, token, watch)
            token, stop = self._extend(job, output, logits)
            if stop is not None:
                return output.result(stop)
            yield

    def _feed(self, feed: Feed, token: int, watch: _Watch | None) -> Floats:
        position, tokens = self.scope.position, np.array([token], np.int32)
        if watch is None:
            return feed(tokens, (), None)
        summarizer = watch.summarizer
        summarizer.begin(position)
        logits = feed(tokens, watch.layers, summarizer)
        if watch.recorder is not None:
            watch.recorder.add(self.scope.tap.rows, summarizer.cells)
        return logits

    def _extend(self, job: ScopeJob, output: Output, logits: Floats) -> tuple[int, Stop | None]:
        """Write the next token, the best one or the forced one."""
        norm = _log_sum(logits)
        if not np.isfinite(norm):
            raise ModelError(f"{self.scope.model.path.name} computed values that are not numbers", "check the file")
        if job.forced is None:
            token = int(logits.argmax())
            return token, output.extend(token, float(logits[token]) - norm)
        written = len(output.tokens)
        if written == len(job.forced):
            return -1, "end"
        token = int(job.forced[written])
        output.append(token, float(logits[token]) - norm)
        return token, "end" if written + 1 == len(job.forced) else None

    # Under a policy

    def _pressed(self, job: ScopeJob, cache: CacheJob) -> Iterator[None]:
        scope, policy, context = self.scope, cache.policy, cache.context
        window = min(policy.window(policy.budget(context.cut)), context.cut)
        capacity = len(job.prompt) + job.output().max_tokens + len(job.forced if job.forced is not None else ()) + 1
        observer = Observer(scope, policy, context.cut, window, capacity)
        kept, mask = self._reuse(job, observer.least), self._mask(job)
        shared = scope.position
        for start, end in chunks(scope.position, context.cut, CHUNK):
            observer.feed(job.prompt[start:end], mask)
            self._keep(kept, job, end)
            yield
        read, saved = kept.prompt, scope.save()
        kept.prompt = read[:0]  # until it is put back
        reference = None
        if cache.compare:
            reference = yield from self._reference(job, cache, mask)
            scope.load(saved)
        make = _Maker(scope, job, cache, observer, mask)
        done, capture, result = yield from self._under(job, make, saved, reference)
        scope.load(saved)
        kept.prompt = read
        job.ticket.resolve((done, capture, replace(result, shared=shared)))

    def _under(
        self, job: ScopeJob, make: _Maker, saved: Snapshot, reference: Reference | None
    ) -> Generator[None, None, tuple[Generated, Capture | None, Compression]]:
        """The policy's own answer. The full cache's answer is forced on it first; as long as both write the same,
        that is its own."""
        kl: list[float] = []
        if reference is not None:
            watch = self._watch(job)
            pressed = yield from self._read_on(job, make())
            done = yield from self._compare(job, pressed, watch, reference, kl)
            if done is not None:
                return done, self._captured(job, watch, done), self._result(job, done, pressed, reference, kl)
            self.scope.load(saved)
        watch = self._watch(job)
        pressed = yield from self._read_on(job, make())
        done = yield from self._write(job, pressed.feed, watch)
        return done, self._captured(job, watch, done), self._result(job, done, pressed, reference, kl)

    def _read_on(self, job: ScopeJob, pressed: Pressed) -> Generator[None, None, Pressed]:
        """What of the prompt comes after the compression, its last token excepted."""
        for start, end in chunks(self.scope.position, len(job.prompt) - 1, CHUNK):
            pressed.feed(job.prompt[start:end])
            yield
        return pressed

    def _compare(
        self, job: ScopeJob, pressed: Pressed, watch: _Watch | None, reference: Reference, kl: list[float]
    ) -> Generator[None, None, Generated | None]:
        """Force the reference on the policy; its own answer when that is the same, else None."""
        output, token, stop = job.output(), int(job.prompt[-1]), None
        same = True
        for step, expected in enumerate(reference.logprobs):
            logits = self._feed(pressed.feed, token, watch if same else None)
            kl.append(divergence(expected, log_softmax(logits)))
            forced = reference.tokens[step] if step < len(reference.tokens) else -1
            if same and stop is None:
                own, stop = self._extend(job, output, logits)
                same = stop is not None or own == forced
            token = forced
            yield
        return output.result(stop) if same and stop is not None else None

    def _result(
        self, job: ScopeJob, done: Generated, pressed: Pressed, reference: Reference | None, kl: list[float]
    ) -> Compression:
        found = replace(pressed.compression(), texts=self._texts(job, done)[: self.scope.position])
        if reference is None:
            return found
        texts = self.scope.model.readable(reference.tokens)
        ends = ("end",) * (len(kl) - len(texts))
        return replace(found, kl=tuple(kl), compared=texts[: len(kl)] + ends, full_text=reference.text)

    def _reference(self, job: ScopeJob, cache: CacheJob, mask: Edit | None) -> Generator[None, None, Reference]:
        """What the full cache answers, or predicts of the forced tokens, from where the policy compresses."""
        forced = b"" if job.forced is None else job.forced.tobytes()
        output, masked = job.output(), job.masked
        hidden = (masked.positions.tobytes(), masked.layers, masked.heads)
        key = (job.prompt.tobytes(), cache.context.cut, forced, output.max_tokens, output.stops, *hidden)
        if key in self._references:
            self._references.move_to_end(key)
            return self._references[key]
        feed, token, rows = self._plain(mask), int(job.prompt[-1]), []
        for start, end in chunks(self.scope.position, len(job.prompt) - 1, CHUNK):
            feed(job.prompt[start:end], (), None)
            yield
        tokens: list[int] = []
        stop: Stop | None = None
        while stop is None:
            logits = self._feed(feed, token, None)
            rows.append(log_softmax(logits))
            token, stop = self._extend(job, output, logits)
            if stop != "end":
                tokens.append(token)
            yield
        found = Reference(tuple(tokens), np.stack(rows), output.result(stop).text)
        self._references[key] = found
        while len(self._references) > (1 if self._exact else _REFERENCES):
            self._references.popitem(last=False)
        return found

    # Sequences

    def _reuse(self, job: ScopeJob, most: int | None = None) -> _Kept:
        """Select a sequence that begins with as much of this prompt as is known, in whole chunks, and drop the rest of
        it. At most ``most`` tokens are taken over. Where nothing is lost by it the sequence is the one that shares
        most, else one that is worth least; what that one held is put on the shelf, or taken from there what this prompt
        goes on from."""
        self._answered += 1
        scope, shared = self.scope, [self._shared(kept.prompt, job, most) for kept in self._kept]
        best = max(range(len(shared)), key=lambda index: self._gain(index, shared[index]))
        found = self.shelf.best(lambda prompt: self._shared(prompt, job, most), shared[best])
        kept, keep = self._kept[best], shared[best]
        if self._exact:
            scope.clear()
        scope.select(best)
        self._put_away(kept, 0 if found else keep)
        if found is not None:
            entry, keep = found
            scope.load(entry.snapshot)
            entry.used, entry.wanted = self._answered, entry.wanted + 1
            kept.prompt, kept.wanted = entry.prompt, entry.wanted
        kept.prompt, kept.used = kept.prompt[:keep], self._answered
        scope.evict(keep, max(scope.position, keep))
        return kept

    def _gain(self, index: int, shared: int) -> float:
        """What taking this sequence saves, less what its contents are worth that it loses by it."""
        kept = self._kept[index]
        return shared - CHANCE_OF_REUSE * (len(kept.prompt) - shared) / (self._answered - kept.used)

    def _put_away(self, kept: _Kept, keep: int) -> None:
        """Put what a sequence is about to lose on the shelf, unless it is there already, too large, or no more than
        the question with which a context ended."""
        count = len(kept.prompt)
        if count > keep + _ENDING and not self._exact:
            self.scope.evict(count, max(self.scope.position, count))
            if self.shelf.takes(self.scope.state_bytes()) and not self.shelf.has(kept.prompt):
                self.shelf.put(kept.prompt, self.scope.save(), kept.used, kept.wanted)
        if not keep:
            kept.wanted = 0

    def _shared(self, prompt: Tokens, job: ScopeJob, most: int | None) -> int:
        shared = common_prefix(prompt, job.prompt[:-1])  # the last token is decoded: its logits are needed
        if len(job.masked.positions):
            shared = min(shared, int(job.masked.positions.min()))
        if most is not None:
            shared = min(shared, most)
        return 0 if self._exact else shared // CHUNK * CHUNK

    # Capture

    def _watch(self, job: ScopeJob) -> _Watch | None:
        if not job.capture:
            return None
        model = self.scope.model
        summarizer = Summarizer(model.n_layer, model.n_head, job.spans, self.scope.tap.cells)
        return _Watch(summarizer, self._recorder(job) if job.arrays else None)

    def _recorder(self, job: ScopeJob) -> Recorder:
        every = tuple(range(self.scope.model.n_layer))
        layers = every if not job.layers else tuple(layer for layer in job.layers if layer in every)
        return Recorder(layers, bounded=job.layers is None)

    def _captured(self, job: ScopeJob, watch: _Watch | None, done: Generated) -> Capture | None:
        if watch is None:
            return None
        texts, rows, heads = self._texts(job, done), len(done.tokens), self.scope.model.n_head
        ids = [*job.prompt.tolist(), *(token.id for token in done.tokens)]
        summary = watch.summarizer.summary(texts, ids, len(job.prompt), rows)
        if watch.recorder is None:
            return Capture((), np.zeros((0, heads, rows, 0), np.float16), texts, summary=summary)
        return replace(watch.recorder.capture(heads, texts, rows), summary=summary)

    def _texts(self, job: ScopeJob, done: Generated) -> tuple[str, ...]:
        """Of every token of the prompt and the answer."""
        return (*self.scope.model.readable(job.prompt.tolist()), *(token.text for token in done.tokens))


@dataclass(frozen=True, slots=True)
class _Maker:
    """Compresses the selected sequence, as often as asked, each time from the same observation."""

    scope: ScopeContext
    job: ScopeJob
    cache: CacheJob
    observer: Observer
    mask: Edit | None

    def __call__(self) -> Pressed:
        policy, context = self.cache.policy, self.cache.context
        return Pressed(self.scope, policy, context, self.job.prompt, self.observer.copy(), self.mask)


def _log_sum(logits: Floats) -> float:
    top = float(logits.max())
    return top + float(np.log(np.exp(logits - top).sum()))


def _told(error: Exception, job: ScopeJob) -> Exception:
    if isinstance(error, MnemoscopeError):
        return error
    if job.cache is not None:
        return ModelError(f"answering under {job.cache.policy.name} failed: {error}", "choose other parameters")
    return ModelError(f"capture failed: {error}", "answer without capture")
