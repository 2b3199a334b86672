"""A verdict as a text with links, and the wrong answers of a session as a list."""

from __future__ import annotations

from collections.abc import Sequence

from ui.theme import theme
from ui.widgets import rich
from ui.widgets.units import count
from workbench.probes.competencies import label
from workbench.projections.audit import Audited
from workbench.projections.remarks import Remark
from workbench.projections.why import LaneCauses, WhyView, Wrong
from workbench.why.knockout import Bar, Bars
from workbench.why.verdict import MEMTRACE, TITLES, UNEXPLAINED, Loss, Proof, Ranking, Rival, Step, Try, Use, Verdict

_MOST = 60
"""Wrong answers that are listed at most."""
_SOURCES = 6
_SHORT = 40
"""Characters of an answer behind which the gold stands on the same line."""
_BARS, _STRIPE, _LABEL = 24, 10, 40  # spans, characters of the longest bar, characters of a span's name


def why_html(
    view: WhyView, opened: set[str], bars: Bars | None = None, measuring: bool = False, masked: Sequence[str] = ()
) -> str:
    """Everything about one answer; ``bars`` say what leaving each span out does, once that is known, ``masked`` what
    masking chosen spans in chosen layers and heads did."""
    v = view.verdict
    parts = [_head(v), _answer(v)]
    parts += _thread(view)
    if v.loss is not None:
        parts += _lost(view, v.loss, opened)
    if v.ranking is not None and not view.right:
        parts += _beaten(v.ranking)
    parts += _looked(view, v.use)
    parts += _measured(bars) if bars is not None else _unmeasured(measuring)
    link = rich.toggle("mask", "Mask a span in chosen layers and heads", "turn")
    parts.append(rich.block(link, rich.plain("in the attention panel", "faint"), above=2))
    parts += [rich.block(rich.plain(line), indent=_indent(), above=2) for line in masked]
    if v.proof is not None:
        parts += _proof(v.proof)
    if view.audit is not None and view.audit.conflicted:
        parts += _audit(view.audit)
    if view.remarks:
        parts.append(_heading("Remarks"))
        parts += [_remark(r) for r in view.remarks]
    return "".join(parts)


def _audit(audit: Audited) -> list[str]:
    """What became of the new and of older versions of a fact that has changed."""
    lines = (
        (audit.stored, "the new version is stored"),
        (not audit.old_active, "no older version is held as valid"),
        (audit.new, "the new version was returned"),
        (not audit.old, "no older version was returned"),
        (not audit.old_first, "none stood before the new one"),
    )
    return [_heading("The fact has changed", audit.outcome), *(_held(held, text) for held, text in lines)]


def _held(held: bool, text: str) -> str:
    sign = rich.plain("✓" if held else "✗", "" if held else "bad")
    return rich.block(f"{sign} {rich.plain(text, '' if held else 'quiet')}", indent=_indent())


def _remark(remark: Remark) -> str:
    about = rich.plain(f"{remark.about} {remark.subject}", "quiet")
    by = rich.plain(f"{remark.author}, {remark.created[:16].replace('T', ' ')}", "faint")
    return rich.block(f"{about} {rich.plain(remark.text)} {by}", indent=_indent(), above=2)


def _head(v: Verdict) -> str:
    if not v.cause:
        return rich.block(rich.plain("right", "title")) + rich.block(rich.plain(v.sentence))
    names = " and ".join(TITLES[c] for c in v.causes) or TITLES[UNEXPLAINED]
    state = {True: "proved", False: "", None: "suspected, not proved"}[v.confirmed]
    also = f"MemTrace: {v.memtrace}" if v.memtrace or v.cause in MEMTRACE else ""
    line = rich.plain(names, "title bad") + "".join(f" &nbsp; {rich.plain(t, 'quiet')}" for t in (state, also) if t)
    return rich.block(line) + rich.block(rich.plain(v.sentence), above=2)


def _answer(v: Verdict) -> str:
    gold = " or ".join(v.gold) or "to say that it does not know"
    answer = _line(v.answer)
    said = f'<span class="name">answered</span> {rich.plain(answer, "title")}'
    wanted = f'<span class="name">gold</span> {rich.plain(gold, "title")}'
    lines: tuple[str, ...] = (said, wanted) if len(answer) > _SHORT else (f"{said} &nbsp; {wanted}",)
    flip = v.proof.flip if v.proof is not None else None
    with_it = (
        f'<span class="name">{rich.plain(flip.what)}</span> {rich.plain(_line(flip.answer), "title")}' if flip else ""
    )
    return rich.block(rich.plain(v.question, "quiet"), above=6) + rich.block(*lines, *filter(None, (with_it,)))


def _line(answer: str) -> str:
    """An answer on one line."""
    return " ".join(answer.split()) or "nothing"


def _heading(text: str, note: str = "") -> str:
    more = f" {rich.plain(note, 'faint')}" if note else ""
    return rich.block(rich.plain(text, "title") + more, above=theme.active().unit(3))


def _thread(view: WhyView) -> list[str]:
    v = view.verdict
    found = " · searched, since the session names none" if v.searched else ""
    return [_heading("The way of the fact", found.removeprefix(" · ")), *(_step(s) for s in v.thread)]


def _step(step: Step) -> str:
    sign = rich.plain("✓" if step.held else "✗", "" if step.held else "bad")
    item = rich.item_link(step.item, "title") if step.stage in ("stored", "kept", "retrieved") and step.item else ""
    name = item or rich.plain(step.item, "quiet")
    text = rich.plain(step.text, "" if step.held else "quiet")
    where = rich.turn_link(step.turn) if step.turn >= 0 else rich.plain("before", "quiet")
    return rich.block(
        f'{sign} <span class="name">{step.stage}</span> {where} {name} &nbsp; {text}', indent=_indent(), above=2
    )


def _lost(view: WhyView, loss: Loss, opened: set[str]) -> list[str]:
    written = loss.kind == "model.called"
    title = "What was made of it" if written else "What lost it"
    parts = [_heading(title, loss.reason)]
    if written:
        parts.append(rich.block(f'<span class="name">said</span> {rich.plain(loss.old)}', indent=_indent()))
        parts.append(
            rich.block(f'<span class="name">stored</span> {rich.plain(loss.new or "nothing")}', indent=_indent())
        )
    elif view.lost:
        parts.append(rich.block(f"{rich.mark(loss.kind)} {rich.pieces(view.lost)}", indent=_indent()))
    else:
        parts.append(rich.block(f"{rich.mark(loss.kind)} {rich.plain(loss.old, 'gone')}", indent=_indent()))
    if loss.raw or loss.prompt:
        parts.append(
            rich.block(rich.toggle("call", f"{loss.purpose}: prompt and output", "turn"), indent=_indent(), above=2)
        )
        if "call" in opened:
            parts += [rich.sunk(f"{role}\n{text}") for role, text in loss.prompt] + [rich.sunk(loss.raw)]
    return parts


def _beaten(ranking: Ranking) -> list[str]:
    if not ranking.ahead and ranking.own is None:
        return []
    rows = [(r, False) for r in ranking.ahead] + ([(ranking.own, True)] if ranking.own else [])
    return [
        _heading("The ranking", f"{ranking.k} are returned" if ranking.k else ""),
        *(_rival(rival, gold) for rival, gold in rows),
    ]


def _rival(rival: Rival, gold: bool) -> str:
    parts = " ".join(f"{name} {value:.3g}" for name, value in rival.parts.items())
    head = f'<span class="name">{rival.rank}</span> {rich.item_link(rival.item)} {rival.score:.4g}'
    mark = f" {rich.plain('says it', 'new')}" if gold else ""
    return rich.block(
        f"{head}{mark} {rich.plain(parts, 'faint')}",
        rich.plain(rival.text, "" if gold else "quiet"),
        indent=_indent(),
        above=2,
    )


def _looked(view: WhyView, use: Use) -> list[str]:
    lines = []
    if use.attention is not None and use.length is not None and view.verdict.broke in ("used", "right", ""):
        lines.append(
            f"What says it got {use.attention:.0%} of the attention on memory, on {use.length:.0%} of its tokens"
        )
    if use.kept is not None:
        lines.append(f"The cache policy kept {use.kept:.0%} of it")
    if use.how:
        change = f", log-probability of the answer {-use.change:+.2f}" if use.change is not None else ""
        gold = f", probability of the gold answer {use.gold[0]:.2g} → {use.gold[1]:.2g}" if use.gold else ""
        lines.append(f"{use.how.capitalize()}: the answer is then {_line(use.answer or '')}{change}{gold}")
    shown = view.sources[:_SOURCES]
    if not lines and not shown:
        return []
    out = [
        _heading("What the answer looked at" if view.token is None else f"What its token {view.token + 1} looked at"),
        *(rich.block(rich.plain(t), indent=_indent(), above=2) for t in lines),
    ]
    for source in shown:
        turns = ", ".join(rich.turn_link(t) for t in source.turns[:3])
        name = rich.item_link(source.items[0]) if source.items else rich.plain(source.label, "title")
        share = f"{source.share:.0%}"
        out.append(rich.block(f'<span class="name">{share}</span> {name} {turns}', indent=_indent()))
    return out


def _unmeasured(measuring: bool) -> list[str]:
    if measuring:
        return [_heading("Each span left out in turn", "being measured")]
    link = rich.toggle("bars", "Leave each span out in turn", "turn")
    why = rich.plain("Attention is a hint; this is a test", "faint")
    return [rich.block(link, why, above=theme.active().unit(3))]


def _measured(bars: Bars) -> list[str]:
    trust = ""
    if bars.correlation is not None:
        trust = f"attention and effect agree in rank to {bars.correlation:+.2f} (Spearman)"
    most = max((abs(b.change) for b in bars.bars), default=0.0) or 1.0
    shown = sorted(bars.bars, key=lambda b: -abs(b.change))[:_BARS]
    looked = max((b.attention or 0.0 for b in bars.bars), default=0.0) or 1.0
    rows = [_bar(b, looked, most) for b in sorted(shown, key=lambda b: b.place)]
    rest = len(bars.bars) - len(shown)
    more = [rich.block(rich.plain(f"and {count(rest, 'span')} that did less", "faint"))] if rest else []
    heads = "".join(_cell(f'<span class="name">{h}</span>') for h in ("span", "attention", "", "answer", "", "gold"))
    table = f'<table cellspacing="0" style="margin-left: {_indent()}px"><tr>{heads}</tr>{"".join(rows)}</table>'
    told = "by how many nats the answer and the gold answer become less likely without each"
    return [_heading("Each span left out in turn", trust), rich.block(rich.plain(told, "faint")), table, *more]


def _bar(b: Bar, looked: float, most: float) -> str:
    colors = theme.active().tokens.colors
    name = rich.item_link(b.items[0], "") if b.items else rich.plain(b.label[:_LABEL])
    attention = f"{b.attention:.0%}" if b.attention is not None else ""
    gold = f"{b.gold:+.2f}" if b.gold is not None else ""
    cells = (
        name,
        rich.plain(attention, "quiet"),
        _stripe((b.attention or 0.0) / looked, colors["text-3"]),
        rich.plain(f"{b.change:+.2f}"),
        _stripe(abs(b.change) / most, colors["accent"] if b.change > 0 else colors["wrong"]),
        rich.plain(gold, "quiet"),
    )
    return f"<tr>{''.join(map(_cell, cells))}</tr>"


def _cell(html: str) -> str:
    return f'<td style="padding-right: 8px">{html}</td>'


def _stripe(share: float, color: str) -> str:
    """A bar as a coloured run of the line; Qt's rich text knows no others."""
    return f'<span style="color: {color}">{"▄" * round(_STRIPE * min(1.0, share))}</span>'


def _proof(proof: Proof) -> list[str]:
    tried = [proof.again, proof.none, *([proof.oracle] if proof.oracle else []), *proof.tries]
    lines = [_try(t, t == proof.flip) for t in tried]
    if proof.flip is not None and proof.flip not in tried:
        lines.append(_try(proof.flip, True))
    judged = count(proof.judged, "text") + " judged by the reader" if proof.judged else ""
    skipped = f"{proof.skipped} by words alone" if proof.skipped else ""
    note = ", ".join(filter(None, (judged, skipped)))
    return [_heading("What was tried", note), *lines]


def _try(one: Try, flips: bool) -> str:
    sign = rich.plain("✓" if one.right else "✗", "" if one.right else "bad")
    mark = f" {rich.plain('flips it', 'new')}" if flips else ""
    return rich.block(
        f"{sign} {rich.plain(one.what, 'quiet')} → {rich.plain(_line(one.answer), 'title')}{mark}",
        indent=_indent(),
        above=2,
    )


def _indent() -> int:
    return theme.active().unit(2)


def causes_html(lanes: Sequence[LaneCauses], wanted: tuple[int, str, str]) -> str:
    """The wrong answers, those of one lane, competency and cause when chosen, each a link to its story."""
    lane, competency, cause = wanted
    rows = [
        (found.lane.name, w)
        for found in lanes
        for w in found.wrong
        if lane in (0, w.lane) and competency in ("", w.competency) and cause in ("", w.cause)
    ]
    chosen = (next((f.lane.name for f in lanes if f.lane.id == lane), ""), label(competency) if competency else "")
    head = " · ".join(filter(None, (count(len(rows), "wrong answer"), *chosen, TITLES.get(cause, ""))))
    back = f" &nbsp; {rich.toggle('all', 'show all')}" if any(wanted) else ""
    parts = [rich.block(rich.plain(head, "title") + back)] if back else []  # without a choice the panel's title says it
    parts += [_wrong(name, w) for name, w in rows[:_MOST]]
    if len(rows) > _MOST:
        parts.append(rich.block(rich.plain(f"and {len(rows) - _MOST:,} more in the table (T)", "faint")))
    return "".join(parts)


def _wrong(name: str, w: Wrong) -> str:
    causes = " and ".join(TITLES[c] for c in w.causes) or TITLES[UNEXPLAINED]
    state = {True: "proved", False: "", None: "suspected"}[w.confirmed]
    link = rich.toggle(f"probe {w.lane} {w.probe}", w.probe, "turn")
    head = f"{link} {rich.plain(name, 'faint')} {rich.plain(w.question)} {rich.plain(_line(w.answer), 'title')}"
    why = f"{rich.plain(causes, 'bad')} {rich.plain(state, 'faint')} {rich.plain(w.sentence, 'quiet')}"
    return rich.block(head, why, above=5)
