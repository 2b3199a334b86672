"""Policies that choose text and not cells: GemFilter reads tokens again, TIMRUN prunes subtasks."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from tests.workbench.cache.policies.conftest import LINES, QUESTION, Look, best, kept
from workbench.cache.base import Observation
from workbench.cache.policies.gemfilter import GemFilter
from workbench.cache.policies.timrun import TIMRUN, subtasks
from workbench.errors import ModelError
from workbench.llm.base import AnswerRequest, AnswerResult, CacheRequest
from workbench.llm.messages import Message

MARKS = (*LINES, QUESTION)
ROLES = ("user", "assistant", "tool", "assistant", "user", "assistant", "user", "")


def answer(look: Look, policy: GemFilter | TIMRUN) -> AnswerResult:
    messages = (Message("user", "\n".join(MARKS)),)
    request = AnswerRequest(messages, MARKS, 5, (), cache=CacheRequest(policy, len(MARKS) - 1, ROLES))
    return asyncio.run(look.backend.answer(request))


@pytest.mark.parametrize("budget", [10, 60, 200])
def test_gemfilter(look: Look, budget: int) -> None:
    for layer in (-1, 0, 3):
        policy = GemFilter(layer=layer)
        plan = policy.plan(look.seen(policy, budget), budget)
        chosen = 2 if layer < 0 else layer
        scores = np.zeros(look.n)
        for head in range(look.heads):
            scores += look.keys[chosen, head // 2] @ look.queries[chosen, head, -1]
        mean = np.array([scores[max(0, i - 2) : i + 3].sum() / 5 for i in range(look.n)])
        assert kept(plan.kept) == best(mean, budget) and plan.facts == {"layer": chosen}


def test_read_again_is_as_if_nothing_else_had_been_there(look: Look) -> None:
    result = answer(look, GemFilter(keep=0.3))
    done = result.compression
    assert done is not None and done.badge == "RE-READ (tokens dropped)"
    assert done.logical_bytes == done.modelled_bytes == pytest.approx(done.share * done.full_bytes)
    scope, prompt = look.scope(), look.backend.chat.tokenize(result.completion.prompt)
    scope.feed(prompt[:-1][done.kept])
    logits = scope.feed(prompt[-1:]).copy()
    look.scope()
    token = result.completion.tokens[0]
    assert token.id == int(logits.argmax())
    norm = float(np.log(np.exp(logits - logits.max()).sum()) + logits.max())
    assert token.logprob == pytest.approx(float(logits[token.id]) - norm, abs=1e-5)


def test_a_layer_that_the_model_lacks_is_an_error(look: Look) -> None:
    with pytest.raises(ModelError, match="gemfilter failed: the model has no layer 9"):
        answer(look, GemFilter(layer=9))


def test_finished_subtasks_lose_their_inner_messages(look: Look) -> None:
    result = answer(look, TIMRUN(stack=0))
    done = result.compression
    assert done is not None and done.facts == {"subtasks": 1, "pruned": 1}
    inner = set(range(result.spans[1][0], result.spans[1][1])) | set(range(result.spans[2][0], result.spans[2][1]))
    assert set(np.flatnonzero(~done.kept).tolist()) == inner
    nothing = answer(look, TIMRUN()).compression  # the latest subtask is on the stack
    assert nothing is not None and nothing.kept.all() and max(nothing.kl) < 1e-5


def test_what_is_on_the_stack_stays() -> None:
    roles = ("user", "assistant", "tool", "assistant", "user", "tool", "assistant", "user", "assistant", "user")
    spans = np.repeat(np.arange(10), 5)
    seen = Observation(("x",) * 50, np.ones((1, 1, 50), bool), 1, spans=spans, roles=roles)
    assert [inner.tolist() for inner in subtasks(seen)] == [[1, 2], [5]]
    assert np.unique(spans[~TIMRUN(stack=0).plan(seen, 50).kept]).tolist() == [1, 2, 5]
    assert np.unique(spans[~TIMRUN(stack=1).plan(seen, 50).kept]).tolist() == [1, 2]
    assert TIMRUN(stack=2).plan(seen, 50).kept.all() and TIMRUN(stack=3).plan(seen, 50).kept.all()
