"""Every panel speaks of the same probe, and of the same context, whatever the cursor and the selection are."""

import pytest

from ui.panels.attention import AttentionPanel
from ui.panels.base import Empty
from ui.panels.graph import GraphPanel
from ui.panels.hits import HitsPanel
from ui.panels.lanes import LanesPanel
from ui.panels.why import WhyPanel
from ui.samples import sample_run
from ui.state.moment import Moment
from workbench.projections.asked import in_question
from workbench.trace.reader import TraceReader


@pytest.mark.parametrize("place", ["last", "evidence, pinned", "between"])
def test_all_panels_speak_of_one_probe(place: str) -> None:
    run = sample_run()
    assert run is not None
    with TraceReader(run) as reader:
        session = reader.session(1)
        lane = next(row.id for row in reader.lanes() if row.memory == "a-mem")
        probe = next(p for p in session.probes if p.evidence and len(session.probes_after(p.after)) > 1)
        moment = {
            "last": Moment(1, len(session.turns) - 1, lane=lane),
            "evidence, pinned": Moment(1, probe.evidence[0], lane=lane, probe=probe.id, pinned=True),
            "between": Moment(1, probe.after + 1, lane=lane, probe=probe.id),
        }[place]
        asked = in_question(session, moment.turn, moment.probe, moment.pinned)
        assert asked is not None
        cards = LanesPanel.project(reader, moment, None)
        assert not isinstance(cards, Empty)
        assert cards.probe == asked.id
        hits = HitsPanel.project(reader, moment, None)
        assert not isinstance(hits, Empty)
        assert hits.probe.id == asked.id
        card = next(view for view in cards.lanes if view.lane == lane)
        assert card.answer is not None
        assert hits.used == card.answer.used
        why = WhyPanel.project(reader, moment, (False, 0))
        assert getattr(why, "probe", None) == asked
        attention = AttentionPanel.project(reader, moment, None)
        assert isinstance(attention, Empty) or attention.view.probe == asked
        graph = GraphPanel.project(reader, moment, 0)
        assert not isinstance(graph, Empty)
        assert graph.probe in ((asked.id,) if moment.pinned or moment.probe else (asked.id, ""))
