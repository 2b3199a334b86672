"""Verdicts as text: one line each, counts per lane, and the whole story of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from workbench import console
from workbench.projections.knocked import KnockGrid, place, strongest
from workbench.why.knockout import Bars
from workbench.why.verdict import CAUSES, TITLES, UNEXPLAINED, Loss, Proof, Ranking, Try, Use, Verdict

_ALL = (*CAUSES, UNEXPLAINED)
_WIDTH = 60  # characters of a question or an answer in a line


def overview(verdicts: Sequence[Verdict]) -> str:
    """How many answers of each lane have which cause, and how many of them are proved."""
    lanes = dict.fromkeys(v.name for v in verdicts)
    shown = [c for c in _ALL if any(v.cause == c for v in verdicts)]
    rows = []
    for lane in lanes:
        mine = [v for v in verdicts if v.name == lane and v.cause]
        counts = Counter(v.cause for v in mine)
        proved = sum(bool(v.confirmed) for v in mine)
        tried = any(v.confirmed is not None for v in mine)
        share = f"{proved} of {len(mine)}" if tried else ""
        rows.append([lane, str(len(mine)), *(str(counts[c] or "") for c in shown), share])
    heads = ["wrong", *(TITLES[c] for c in shown), "proved"]
    return console.table(["lane", *heads], rows, right=heads)


def lines(verdicts: Iterable[Verdict]) -> str:
    """One line for each."""
    rows = [
        [v.name, v.probe, _short(v.question), _short(v.answer), _short(" / ".join(v.gold)), _cause(v), v.sentence]
        for v in verdicts
    ]
    return console.table(["lane", "probe", "question", "answer", "gold", "cause", "why"], rows)


def _cause(verdict: Verdict) -> str:
    names = " and ".join(TITLES[c] for c in verdict.causes) or TITLES.get(verdict.cause, "right")
    return names if verdict.confirmed is not False or verdict.cause == UNEXPLAINED else f"{names} (not proved)"


def _line(answer: str) -> str:
    """An answer on one line."""
    return " ".join(answer.split()) or "nothing"


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _WIDTH else plain[: _WIDTH - 1] + "…"


def story(verdict: Verdict) -> str:
    """Everything that is known of one answer."""
    v = verdict
    head = [
        f"{v.name} · {v.probe} · {v.question}",
        f"answered {_line(v.answer)}, gold {' / '.join(v.gold) or 'to say that it does not know'}",
    ]
    proved = {True: "proved", False: "not proved", None: "suspected, not tried; --confirm tries it"}[v.confirmed]
    cause = f"{_cause(v)} ({proved})" if v.cause else "right"
    parts = [*head, f"cause     {cause}", f"          {v.sentence}"]
    parts += [f"MemTrace  {v.memtrace}"] if v.memtrace else []
    if v.turns:
        found = " (searched: the session names none)" if v.searched else ""
        parts.append(f"evidence  turn {', '.join(map(str, v.turns))}{found}")
    parts += [_step(s.stage, s.turn, s.seq, s.item, s.text, s.held) for s in v.thread]
    parts += _loss(v.loss) if v.loss else []
    parts += _ranking(v.ranking) if v.ranking else []
    parts += _use(v.use)
    parts += _proof(v.proof) if v.proof else []
    return "\n".join(parts)


def _step(stage: str, turn: int, seq: int, item: str, text: str, held: bool) -> str:
    where = f"turn {turn}" + (f", event {seq}" if seq else "")
    return f"  {'✓' if held else '✗'} {stage:<10}{where:<22}{': '.join(filter(None, (item, text)))}"


def _loss(loss: Loss) -> list[str]:
    out = [f"lost by   {loss.kind} at turn {loss.turn} (event {loss.seq}){': ' + loss.reason if loss.reason else ''}"]
    out += [f"  old     {loss.old}", f"  new     {loss.new or '(nothing)'}"]
    if loss.raw:
        out += [f"  prompt  {' ⏎ '.join(text for _, text in loss.prompt)}", f"  output  {loss.raw}"]
    return [" ".join(line.splitlines()) for line in out]


def _ranking(ranking: Ranking) -> list[str]:
    rivals = [*ranking.ahead, *([ranking.own] if ranking.own else [])]
    rows = []
    for rival in rivals:
        parts = " ".join(f"{name} {value:.4g}" for name, value in rival.parts.items())
        mark = "gold" if rival is ranking.own else ""
        rows.append(f"  {rival.rank:>3}  {rival.item:<16}{rival.score:<12.5g}{parts}  {mark}  {_short(rival.text)}")
    return [f"ranking   k = {ranking.k}", *rows] if rows else []


def _use(use: Use) -> list[str]:
    out = []
    if use.attention is not None and use.length:  # something in the context says it
        out.append(f"attention {use.attention:.1%} of that on memory, on {use.length:.1%} of its tokens")
    if use.kept is not None:
        out.append(f"cache     {use.kept:.1%} of it was kept")
    if use.how:
        change = f", log-probability of the answer {-use.change:+.2f}" if use.change is not None else ""
        gold = f", probability of the gold answer {use.gold[0]:.3g} → {use.gold[1]:.3g}" if use.gold else ""
        out.append(f"{use.how:<10}the answer is then {_line(use.answer or '')}{change}{gold}")
    return out


def _proof(proof: Proof) -> list[str]:
    tried = [proof.again, proof.none, *([proof.oracle] if proof.oracle else []), *proof.tries]
    rows = [_try(t, " ← flips it" if t == proof.flip else "") for t in tried]
    if proof.flip is not None and proof.flip not in tried:
        rows.append(_try(proof.flip, " ← flips it"))
    judged = f"{proof.judged} texts judged by the reader" + (f", {proof.skipped} by words" if proof.skipped else "")
    return ["tried", *rows, f"  ({judged})"]


def _try(one: Try, mark: str) -> str:
    return f"  {'right' if one.right else 'wrong'}  {one.what}: {_line(one.answer)}{mark}"


def bars(made: Bars) -> str:
    """Leave-one-out as a table with bars, and what masking the chosen spans did."""
    top = max((abs(b.change) for b in made.bars), default=0.0) or 1.0
    rows = [
        [
            str(b.place),
            b.label,
            str(b.length),
            "" if b.attention is None else f"{b.attention:.1%}",
            f"{b.change:+.2f}",
            "" if b.gold is None else f"{b.gold:+.2f}",
            "█" * round(20 * abs(b.change) / top),
            _short(b.text),
        ]
        for b in made.bars
    ]
    heads = ["place", "span", "tokens", "attention", "answer", "gold", "", "text"]
    table = console.table(heads, rows, right=["place", "tokens", "attention", "answer", "gold"])
    gold = " / ".join(made.gold_answer) or "-"
    out = [f"{made.question} answered {made.answer or 'nothing'}, gold {gold}"]
    if made.together is not None:
        names = ", ".join(made.bars[n].label for n in made.together.spans)
        out.append(
            f"without {names}: {made.together.answer or 'nothing'} ({'right' if made.together.right else 'wrong'}); "
            f"log-probability of the answer {-made.together.change:+.2f}"
            + ("" if made.together.gold is None else f", of the gold answer {-made.together.gold:+.2f}")
        )
    out.append("\neach span masked alone: by how many nats the answer and the gold answer become less likely\n" + table)
    if made.correlation is not None:
        out.append(f"\nattention and effect agree in rank to {made.correlation:+.2f} (Spearman)")
    return "\n".join(out)


_HEADS = 16  # that fit beside one another


def by_head(grid: KnockGrid) -> str:
    """What masking spans in one layer and head does, as a table; the strongest alone where there are many heads."""
    names = ", ".join(span.label for span in grid.spans)
    out = [
        f"{names} masked in one layer and head at a time: log-probability of the answer {grid.answer!r}, change in nats"
    ]
    if grid.effects is not None and grid.effects.shape[1] <= _HEADS:
        heads = [*(f"H{n}" for n in range(grid.effects.shape[1] - 1)), "all"]
        rows = [[f"L{n}", *(f"{value:+.1g}" for value in row)] for n, row in enumerate(grid.effects.tolist())]
        out.append(console.table(["", *heads], rows, right=heads))
    told = [f"{place(layer, head, grid)} {value:+.2g}" for layer, head, value in strongest(grid)]
    out.append(f"most: {'; '.join(told) or 'nothing changes'}")
    return "\n".join(out)
