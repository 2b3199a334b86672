"""The answer proper: what an answer leads up to ("So far so good. The answer is: Oslo"), in the languages of
``resources/not_knowing``."""

from __future__ import annotations

import re
import string
from functools import lru_cache

_MARKS = string.punctuation + "“”‘’„«»…–—¿¡。、，！？；：「」『』（）《》"
_EDGES = " \"'“”‘’`*"
_STOPS = ".!?;:, 。！？"
_NEAR = 200
"""Characters before a lead that say whether it opens a sentence."""
_SAID = re.compile(rf"[^\s{re.escape(_MARKS)}]")
# Articles, what may stand before the word for an answer and behind it, what it answers, and "is".
_SPACED = (
    ("the|my", "final|correct|right", "answer", "", "to|for", "is"),
    ("die|meine", "endgültige|finale|richtige", "antwort", "", "auf|zu", "ist|lautet"),
    ("la|ma", "bonne", "réponse", "finale|correcte", "à", "est"),
    ("la|mi", "", "respuesta", "final|correcta", "a", "es"),
    ("a|minha", "", "resposta", "final|correta|certa", "a|à", "é"),
    ("la|mia", "", "risposta", "finale|corretta|giusta", "a|alla", "è"),
    ("", "мой|окончательный|правильный|верный", "ответ", "", "на", "это|таков|—|-"),
)
_UNSPACED = r"(?:最终|正确|最後の|最終的な|正しい|최종 ?)?(?:答案|回答|解答|答え|答|정답|답변|답)"


def _lead(articles: str, before: str, noun: str, behind: str, of: str, copula: str) -> tuple[str, str]:
    """With a colon, or with an article (where the language has any) and a copula; and the word alone, for a heading."""
    word = (rf"(?:(?:{before})\s+)?" if before else "") + noun + (rf"(?:\s+(?:{behind}))?" if behind else "")
    what = rf"(?:\s+(?:{of})\s+[^.:\n]{{1,80}}?)?"
    article = rf"(?:{articles})\s+" if articles else ""
    bare = (rf"(?:{article})?" if articles else "") + word
    is_it = rf"(?<!\bwhat )\b{article}{word}{what}\s+(?:{copula})(?!\w)[*_]*(?:\s*[:：]|\s+that\b)?"
    return rf"\b{bare}[*_]*\s*[:：]|{is_it}", bare


def _pattern() -> re.Pattern[str]:
    spaced = [_lead(*words) for words in _SPACED]
    headings = "|".join([bare for _, bare in spaced] + [_UNSPACED])
    unspaced = rf"(?P<opening>{_UNSPACED}\s*(?:[:：]|(?:是|为|は|은|는)\s*[:：]?))"
    tags = r"(?P<tag></?(?:final_)?answer>)|\\boxed\{"
    heading = rf"^[ \t#*_]*(?:{headings})[ \t*_]*$"
    return re.compile("|".join([lead for lead, _ in spaced] + [unspaced, tags, heading]), re.I | re.M)


_LEAD = _pattern()
_ANY = re.compile("|".join([noun for _, _, noun, *_ in _SPACED] + ["答", "답", "boxed"]), re.I)
"""What every lead holds; most answers hold none, and this is found much sooner."""


@lru_cache(maxsize=256)  # a scorer reads the same answer several times over
def final(answer: str) -> str:
    """The answer proper, in one line, no stop: what follows the last "Answer:" (as MemoryAgentBench reads it).

    A lead behind which nothing stands leads to nothing: "Oslo. The answer is:" says Oslo. Nor does one whose answer is
    the one before, cut off in the middle of its word while the answer repeated itself: "Answer: 2026\\nAnswer: 20".
    """
    found = _LEAD.finditer(answer) if _ANY.search(answer) else ()
    leads = [m for m in found if m["opening"] is None or _opens(answer, m.start())]
    end = len(answer)
    for at in reversed(range(len(leads))):
        lead = leads[at]
        if _SAID.search(answer, lead.end(), end):
            tail = answer[lead.end() : end]
            again = at and leads[at - 1][0].casefold() == lead[0].casefold()
            return _tidy(_whole(tail, answer[leads[at - 1].end() : lead.start()]) if again else tail)
        if lead["tag"] or _opens(answer, lead.start()):
            end = lead.start()
    return _tidy(answer[:end] if _SAID.search(answer, 0, end) else answer)


def _opens(answer: str, at: int) -> bool:
    """Whether a sentence or a line may begin there: "I do not know what the answer is" goes on."""
    before = answer[max(0, at - _NEAR) : at]
    bare = before.rstrip()
    return not bare or "\n" in before[len(bare) :] or not bare[-1].isalnum()


def _whole(tail: str, earlier: str) -> str:
    """``tail``, or the line before it of which it is but the beginning, cut off within a word."""
    line, begun = earlier.strip().partition("\n")[0], tail.strip()
    return line if begun[-1:].isalnum() and re.fullmatch(rf"{re.escape(begun)}\w+\W*", line) else tail


def _tidy(text: str) -> str:
    """In one line, without the quotes, marks and stops around it; a quote inside keeps both its marks."""
    whole = line = " ".join(text.split())
    bare = ""
    while line != bare:
        bare, line = line, line.strip(_EDGES).rstrip(_STOPS).strip()
    if whole.count('"') % 2 or not bare.count('"') % 2:
        return bare
    return f'"{bare}' if whole.startswith(f'"{bare}') else f'{bare}"'
