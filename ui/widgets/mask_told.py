"""What masking spans of a context did, in words."""

from __future__ import annotations

from workbench.engine.protocol import KnockOut
from workbench.why.knockout import Bars


def where(asked: KnockOut) -> str:
    """Where it was masked: ``layer 3, head 1``."""
    layers = _some("layer", asked.layers)
    heads = _some("head", asked.heads)
    return f"in {layers}, {heads}" if asked.layers is not None or asked.heads is not None else "in all layers and heads"


def _some(what: str, numbers: tuple[int, ...] | None) -> str:
    if numbers is None:
        return f"every {what}"
    return f"{what}{'s' * (len(numbers) != 1)} {', '.join(map(str, numbers))}"


def mask_told(asked: KnockOut, made: Bars) -> str:
    """One line: the answer without the span, and by how much the given and the gold answer got less likely."""
    done = made.together
    if done is None:
        return ""
    same = done.answer.strip() == made.answer.strip()
    answer = "the answer stays" if same else f"answers “{done.answer.strip()[:40] or 'nothing'}”"
    mark = "" if same else " (right)" if done.right else " (wrong)"
    gold = f", of the gold answer {-done.gold:+.2f}" if done.gold is not None else ""
    names = ", ".join(made.chosen)
    likely = f"log-probability of the answer given {-done.change:+.2f}{gold}"
    return f"without {names} {where(asked)}: {answer}{mark}; {likely}"
