"""Tool2Vec: an item is found by the questions that it would answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from workbench.memory import prompts, schemas
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall, above
from workbench.memory.facts import fitting
from workbench.memory.items import Item
from workbench.memory.lines import one_line, said
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import Vectors
from workbench.memory.replies import ask
from workbench.memory.retrieval import ranked
from workbench.sessions.model import Turn

_PLAIN_QUESTIONS = 4  # that the bundled model was trained to write


@dataclass
class Tool2Vec(MemoryStrategy):
    """Index every turn by the mean vector of questions that it would answer.

    One model call a turn invents the usage: ``questions`` questions. The key of the item is the mean of their vectors,
    with that of the turn itself when ``own``; reading ranks by the cosine to the keys. A turn without questions is
    found by its own text. Tool2Vec, arXiv 2409.02141.

    Attributes:
        k: turns returned.
        questions: questions per turn.
        own: whether the turn's own text has a share in its key; the publication's key is usage alone.
    """

    name: ClassVar[str] = "tool2vec"
    title: ClassVar[str] = "Tool2Vec"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "Tool2Vec, arXiv 2409.02141; SqueezeAILab/Tool2Vec"
    differs: ClassVar[str] = (
        "Turns of a conversation instead of tools; their usage is invented turn by turn when one is stored, instead of "
        "for samples of ten tools beforehand, and not polished in a second call; neither the refiner nor the "
        "classifier of the paper."
    )

    k: int = 10
    questions: int = above(1, 8)
    own: bool = False

    def __post_init__(self) -> None:
        self._vectors = Vectors()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Store the turn under the questions that it would answer."""
        text = one_line(turn.said)
        plain = prompts.questions(text, _PLAIN_QUESTIONS)
        schema = schemas.fields(questions=schemas.many(schemas.text(), "the questions", most=self.questions))
        operation = self.operation("questions", plain, schema=schema, message=said(turn), count=self.questions)
        fits = mind.full or fitting([text], mind, 192)
        reply = await ask(mind, log, operation) if fits and text else None
        keys = list(dict.fromkeys(q for q in reply["questions"] if q))[: self.questions] if reply else []
        if self.own or not keys:
            keys.append(text)
        log.write(turn.said, "turn", id=f"turn-{turn.index}", index_text="\n".join(keys), keys=keys,
                  cause=reply.cause if reply else 0)  # fmt: skip
        await self._vectors.keep(mind, keys)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The ``k`` turns whose keys are nearest; the best single question of each is among a hit's parts."""
        items = log.state.active("turn")
        if not items:
            return Recall((), k=self.k)
        vector = (await mind.embed([query]))[0]
        mean, single = np.zeros(len(items)), np.zeros(len(items))
        for n, item in enumerate(items):
            mean[n], single[n] = await self._scores(item, vector, mind)
        return ranked(items, mean, self.k, "cosine", {"question": single})

    async def _scores(self, item: Item, vector: np.ndarray, mind: Mind) -> Sequence[float]:
        keys = await self._vectors.of(mind, item.fields["keys"])
        mean = keys.mean(axis=0)
        length = float(np.linalg.norm(mean)) or 1.0
        return round(float(mean @ vector) / length, 5), round(float((keys @ vector).max()), 5)
