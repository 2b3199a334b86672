"""A followed turn in words: what became of it, by lane."""

from __future__ import annotations

import re

import pytest

from ui.widgets.thread_story import thread_html
from workbench.projections.thread import LaneThread, Thread
from workbench.trace.reader import LaneRow
from workbench.why.provenance import Story

_FACT, _MESSAGE = frozenset({"fact-0"}), frozenset({"message-0"})


@pytest.mark.parametrize(
    ("story", "told"),
    [
        (Story(3, (), ()), "nothing was stored of it"),
        (Story(3, (), (), items=_MESSAGE, waited=_MESSAGE), "read at turn 7, and nothing was stored of it"),
        (Story(3, (), (), items=_FACT | _MESSAGE, waited=_MESSAGE), "lost at turn 7"),
        (Story(3, (), ("fact-0",), items=_FACT | _MESSAGE, waited=_MESSAGE), "1 item alive"),
        (Story(3, (), ("fact-0",), items=_FACT, overwritten=_FACT), "overwritten at turn 7"),
        (Story(3, (), ("fact-0", "fact-1"), items=_FACT, overwritten=_FACT), "1 item alive"),
    ],
)
def test_what_only_waited_was_never_lost(qapp: object, story: Story, told: str) -> None:
    lane = LaneThread(LaneRow(1, "mem0", "mem0", "full-cache", {}, None, None), 0, story, 7, story.lost)
    shown = re.sub("<[^>]+>|&nbsp;", " ", thread_html(Thread(1, 3, "Mira: I moved.", (lane,)), 1))
    assert f"{told}; it reached no question" in shown
