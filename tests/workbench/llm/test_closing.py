"""A list or a string that loops is closed and the rest of the object is written: in any batch, from a right cache."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from workbench.llm.context import FLASH_OFF, Context, ContextOptions
from workbench.llm.loops import MOST_CLOSINGS, LoopGuard
from workbench.llm.model import Model
from workbench.llm.output import Generated, Output
from workbench.llm.sampler import Sampler
from workbench.llm.scheduler import Job, Scheduler
from workbench.llm.worker import Ticket
from workbench.memory import schemas

NOTE = schemas.fields(keywords=schemas.texts(), context=schemas.text(), tags=schemas.texts())
Script = Callable[[bytes], bytes]


class Parrot(Sampler):
    """Wants what a script says that comes next; the grammar has its say as always."""

    def __init__(self, model: Model, schema: dict[str, Any], script: Script) -> None:
        super().__init__(model, 0.0, 0, schema)
        self._script, self.output = script, Output(model, 400, (), LoopGuard(schema))

    def choose(self, logits: NDArray[np.float32], best: int) -> int:
        """As the model would, if it wanted that."""
        said = b"".join(self._model.piece(token) for token, _ in self.output.tokens)
        token = self._model.spelled(self._script(said))[0]
        wished = np.zeros_like(logits)
        wished[token] = 1.0
        return super().choose(wished, token)


def looping(entries: list[str], context: str, tags: list[str]) -> Script:
    """Says the keywords again and again until their list is closed; then the rest."""

    def script(said: bytes) -> bytes:
        if b"]" in said:
            rest = f',"context":"{context}","tags":{json.dumps(tags, separators=(",", ":"))}}}'
            return rest.encode()[len(said.split(b"]", 1)[1]) :]
        again = json.dumps(entries * 40, ensure_ascii=False, separators=(",", ":"))
        return f'{{"keywords":{again}'.encode()[len(said) :]

    return script


SCRIPTS = [
    looping([f"tea {lane}", "a north wind", "Ærø"][: 1 + lane % 3], f"Of lane {lane}.", ["x", f"y{lane}"])
    for lane in range(8)
]


@pytest.fixture(scope="module", params=[False, True], ids=["separate", "unified"])
def context(request: pytest.FixtureRequest, model_path: Path) -> Iterator[Context]:
    model = Model(model_path)
    options = ContextOptions(
        1024, 1, sequences=8, batch=256, ubatch=256, flash=FLASH_OFF, unified=request.param, kv_type="f32"
    )
    opened = Context(model, options)
    yield opened
    opened.close()
    model.close()


def prompt_of(lane: int) -> NDArray[np.int32]:
    return np.random.default_rng(lane).integers(5, 260, 20 + 37 * lane).astype(np.int32)


def written(context: Context, lanes: range, exact: bool = False) -> list[Generated]:
    """What the lanes' parrots write, batched by the scheduler."""
    scheduler = Scheduler(context, exact)

    async def go() -> list[Generated]:
        tickets: list[Ticket[Generated]] = []
        for lane in lanes:
            parrot, ticket = Parrot(context.model, NOTE, SCRIPTS[lane]), Ticket[Generated]()
            scheduler.add(Job(ticket, prompt_of(lane), parrot.output, parrot))
            tickets.append(ticket)
        while scheduler.busy:
            scheduler.step()
        return [await ticket.wait() for ticket in tickets]

    return asyncio.run(go())


def test_the_rest_of_the_object_is_written_and_the_loss_is_told(context: Context) -> None:
    for lane, done in enumerate(written(context, range(8))):
        found = json.loads(done.text)
        assert found["keywords"] == [f"tea {lane}", "a north wind", "Ærø"][: 1 + lane % 3]
        assert found["context"] == f"Of lane {lane}." and found["tags"] == ["x", f"y{lane}"]
        (closing,) = done.closings
        assert (done.stop, closing.place, closing.what) == ("end", "answer.keywords", "list")
        assert closing.lost.count(f"tea {lane}") >= 3 and done.drawn > len(done.tokens)
        assert "".join(token.text for token in done.tokens if token.text != "·") == done.text


def test_a_lane_alone_writes_what_it_writes_in_a_batch(context: Context) -> None:
    together = written(context, range(8))
    for lane, exact in ((0, False), (2, True), (7, False)):
        (alone,) = written(context, range(lane, lane + 1), exact)
        assert [t.id for t in alone.tokens] == [t.id for t in together[lane].tokens]
        assert alone.closings == together[lane].closings
        logprobs = [t.logprob for t in alone.tokens], [t.logprob for t in together[lane].tokens]
        assert logprobs[0] == pytest.approx(logprobs[1], abs=1e-3)


def test_behind_a_closing_the_cache_holds_what_was_kept_and_nothing_else(context: Context) -> None:
    """What the model thinks of each later token is what it thinks of the same text that never looped."""
    done = written(context, range(5))[4]
    ids = np.array([token.id for token in done.tokens], np.int32)
    scheduler, ticket = Scheduler(context), Ticket

    async def scored() -> list[float]:
        waits = ticket[Generated]()
        scheduler.add(Job(waits, prompt_of(4), Output(context.model, 0), None, ids))
        while scheduler.busy:
            scheduler.step()
        return [token.logprob for token in (await waits.wait()).tokens]

    afresh = asyncio.run(scored())
    own = [token.logprob for token in done.tokens]
    forced = [at for at, value in enumerate(own) if value == 0.0]
    assert 1 <= len(forced) <= 3  # nobody drew the bracket
    after = range(forced[-1] + 1, len(own))
    assert len(after) > 20
    assert [own[at] for at in after] == pytest.approx([afresh[at] for at in after], abs=1e-4)


def test_closings_are_bounded_and_the_last_loop_ends_the_output(context: Context) -> None:
    rows = schemas.fields(rows=schemas.many(schemas.fields(names=schemas.texts())))

    def script(said: bytes) -> bytes:
        """Every row is new, and its names loop."""
        count = said.count(b"]")
        done = "".join(f'{{"names":["n{n}"]}},' for n in range(count))
        names = f'"n{count}",' * 40
        return f'{{"rows":[{done}{{"names":[{names}'.encode()[len(said) :]

    parrot = Parrot(context.model, rows, script)
    parrot.output.max_tokens = 2000
    scheduler = Scheduler(context)

    async def go() -> Generated:
        ticket = Ticket[Generated]()
        scheduler.add(Job(ticket, prompt_of(1), parrot.output, parrot))
        while scheduler.busy:
            scheduler.step()
        return await ticket.wait()

    done = asyncio.run(go())
    assert done.stop == "repetition" and len(done.closings) == MOST_CLOSINGS
    assert [closing.place for closing in done.closings] == [f"answer.rows[{n}].names" for n in range(MOST_CLOSINGS)]
