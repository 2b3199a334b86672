"""Does an answer say a value, and mean it? Whole words, not denied, and not beside a second value.

Each clause is read by itself: a negation counts for all that follows it in its clause ("It isn't the one in Oslo"), in
German, Japanese and Korean also for what stands before it. A contrast, a comma or a full stop ends a clause ("not Lima,
Oslo", "nicht Lima, sondern Oslo"); a comma in a list does not ("not Rome, Lima or Oslo").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from workbench.probes.text import Token, plain, tokens, words

MOST = 50
"""Places of a value in one answer that are looked at; an answer that denies it so often does not mean it."""


@dataclass(frozen=True, slots=True)
class _Spoken:
    """An answer's tokens with the number of the clause that each stands in."""

    tokens: Sequence[Token]
    clause: Sequence[int]
    text: str


def says(answer: str, value: str, accepted: Sequence[str] = ()) -> bool:
    """Whether ``answer`` says ``value`` somewhere and does not deny it there.

    Args:
        accepted: values that may stand beside it; with any other joined by "and" or "or" the answer does not choose.
    """
    wanted, spoken = words(value), _spoken(answer)
    return any(
        not _denied(spoken, at, at + len(wanted)) and not _beside(spoken, at, at + len(wanted), (value, *accepted))
        for at in islice(_places(spoken, wanted), MOST)
    )


def of_another(answer: str, value: str, accepted: Sequence[str], question: str) -> bool:
    """Whether an answer says a value of something else than what is asked for: "E-bikes are B, bicycles stay R".

    A clause that says an accepted value repeats words of the question, and those that say this one do not, and speak
    of something of their own.
    """
    spoken, wanted = _spoken(answer), words(value)
    asked = [w for w in words(question) if len(w) >= _TELLING]
    right = {spoken.clause[at] for gold in accepted for at in _places(spoken, words(gold))}
    other = list(islice(_places(spoken, wanted), MOST))
    clauses = {c: [t.word for t, of in zip(spoken.tokens, spoken.clause, strict=True) if of == c] for c in right}
    if not any(_shares(said, asked) for said in clauses.values()):
        return False
    return all(spoken.clause[at] not in right and _of_its_own(spoken, at, asked) for at in other)


def _of_its_own(spoken: _Spoken, at: int, asked: Sequence[str]) -> bool:
    """Whether a clause has a subject before this place that is neither asked for nor the one before it."""
    said = [t.word for t, of in zip(spoken.tokens, spoken.clause, strict=True) if of == spoken.clause[at]]
    before = [t.word for t, of in zip(spoken.tokens[:at], spoken.clause, strict=False) if of == spoken.clause[at]]
    return len(before) >= _SUBJECT and not _shares(said, asked) and not _GOING_ON.intersection(said)


def _shares(said: Sequence[str], asked: Sequence[str]) -> bool:
    return any(_alike(one, other) for one in said if len(one) >= _TELLING for other in asked)


def _alike(one: str, other: str) -> bool:
    """The same word, or forms of one: bike and bikes."""
    short = min(len(one), len(other))
    return one[: max(_TELLING, short - 1)] == other[: max(_TELLING, short - 1)] and abs(len(one) - len(other)) <= 2


def _places(spoken: _Spoken, wanted: Sequence[str]) -> Iterator[int]:
    """Where a value stands as whole words; a single letter or a number is none where it is a part of something else:
    E-bike, e.g., 2026-04-11."""
    bare = [t.word for t in spoken.tokens]
    for at in range(len(bare) - len(wanted) + 1) if wanted else ():
        if tuple(bare[at : at + len(wanted)]) == tuple(wanted) and not (len(wanted) == 1 and _part(spoken, at)):
            yield at


def _part(spoken: _Spoken, at: int) -> bool:
    start, word = spoken.tokens[at].start, spoken.tokens[at].word
    if word.isdecimal() and len(word) <= 2:
        return any(m.start() < start < m.end() for m in _DAY.finditer(spoken.text))
    if len(word) != 1 or not word.isalpha():
        return False
    before, behind = spoken.text[max(0, start - 2) : start], spoken.text[start + 1 : start + 3]
    return bool(_JOINED_BEFORE.fullmatch(before) or _JOINED_BEHIND.fullmatch(behind))


def contains(answer: str, value: str) -> bool:
    """Whether ``value`` occurs as whole words at all."""
    wanted, said = words(value), words(answer)
    return bool(wanted) and any(said[at : at + len(wanted)] == wanted for at in range(len(said) - len(wanted) + 1))


def _spoken(answer: str) -> _Spoken:
    text = plain(answer, keep_case=True)
    folded = text.casefold()
    ends = sorted({m.end() for m in _END.finditer(folded) if not (_in_list(folded, m) or _excepts(folded, m))})
    found = tokens(text)
    clause, number = [], 0
    for token in found:
        while number < len(ends) and ends[number] <= token.start:
            number += 1
        clause.append(number)
    return _Spoken(found, clause, text)


def _excepts(text: str, end: re.Match[str]) -> bool:
    """ "Anywhere but Oslo": no contrast, but an exception."""
    return end[0] == "but" and bool(_EVERY.search(text, 0, end.start()))


def _in_list(text: str, end: re.Match[str]) -> bool:
    return end[0].strip() in _COMMAS and bool(_MORE_OF_A_LIST.match(text, end.end()))


# Denial -----------------------------------------------------------------------------------------------------------


def _denied(spoken: _Spoken, at: int, end: int) -> bool:
    here = spoken.clause[at]
    before = [n for n in range(at) if spoken.clause[n] == here]
    after = [n for n in range(end, len(spoken.tokens)) if spoken.clause[n] == spoken.clause[end - 1]]
    if any(_negates(spoken, n) for n in before) or _taken_back(spoken, end):
        return True
    tail = [spoken.tokens[n].word for n in after]
    return any(w in _EITHER_SIDE for w in tail) or _is_not(spoken, after) or _denied_behind("".join(tail))


def _taken_back(spoken: _Spoken, end: int) -> bool:
    """ "Oslo? No, Lima.": a question whose answer is no."""
    clause = spoken.clause[end - 1]
    later = next((n for n in range(end, len(spoken.tokens)) if spoken.clause[n] != clause), None)
    if later is None:
        return False
    gap = spoken.text[spoken.tokens[later - 1].start : spoken.tokens[later].start]
    return bool(re.search("[?？]", gap)) and spoken.tokens[later].word in _NOES


def _negates(spoken: _Spoken, n: int) -> bool:
    token = spoken.tokens[n]
    following = [t.word for t in spoken.tokens[n + 1 : n + 3]]
    if len(token.word) == 1 and token.word in _NEGATIVE_CHARACTERS:
        return not _HARMLESS_CHARACTERS.match(token.word + "".join(following))
    if (token.word, *following[:1]) in _INSTEAD:
        return True
    if token.word == "but":  # within a clause it is an exception
        return n > 0 and bool(_EVERY.search(f"{spoken.tokens[n - 1].word} "))
    if not (token.word in _NEGATIVE or token.raw.endswith("n't") or token.raw.startswith("n'")):
        return False
    if token.word == "no" and _portuguese(spoken):
        return False
    return not (following and following[0] in _HARMLESS)


def _is_not(spoken: _Spoken, after: Sequence[int]) -> bool:
    """ "Oslo is not it", "Oslo n'est pas", "Oslo no es": a copula and a negation come next."""
    near = [spoken.tokens[n] for n in after[:2]]
    negative = [t.word in _NEGATIVE or t.raw.endswith("n't") or t.raw.startswith("n'") or t.word == "不" for t in near]
    copula = [t.word in _COPULAS or t.raw.removesuffix("n't") in _COPULAS or t.raw.startswith("n'") for t in near]
    return any(negative) and any(copula)


def _denied_behind(tail: str) -> bool:
    """Japanese and Korean deny at the end of the clause."""
    return bool(_NEGATIVE_ENDS.search(_HARMLESS_ENDS.sub("", tail)))


def _portuguese(spoken: _Spoken) -> bool:
    return any(t.word in _PORTUGUESE for t in spoken.tokens)


# A second value ---------------------------------------------------------------------------------------------------


def _beside(spoken: _Spoken, at: int, end: int, accepted: Sequence[str]) -> bool:
    """Another value joined by "and" or "or": the answer does not choose."""
    here = spoken.clause[at]
    clause = [n for n in range(len(spoken.tokens)) if spoken.clause[n] == here]
    first, last = clause[0], clause[-1] + 1
    right = _partner(spoken, end, last, at, first) if end < last else ()
    left = _partner_before(spoken, first, at, end, last)
    fine = [known for a in accepted if (known := words(a))]
    return any(partner and not any(_holds(a, partner) or _holds(partner, a) for a in fine) for partner in (right, left))


def _holds(whole: Sequence[str], part: Sequence[str]) -> bool:
    size = len(part)
    return any(tuple(whole[n : n + size]) == tuple(part) for n in range(len(whole) - size + 1))


def _partner(spoken: _Spoken, end: int, last: int, at: int, first: int) -> tuple[str, ...]:
    joint, start = spoken.tokens[end].word, end + 1
    if _signed(spoken, end):
        joint, start = "/", end
    if joint not in _JOINTS or start >= last:
        return ()
    while start < last - 1 and spoken.tokens[start].word in _LEADS | _HEDGES:
        start += 1
    partner = spoken.tokens[start:last]
    if not _like(spoken.tokens[at], partner, joint, bare=all(t.word in _LEADS for t in spoken.tokens[first:at])):
        return ()
    return tuple(t.word for t in partner)


def _partner_before(spoken: _Spoken, first: int, at: int, end: int, last: int) -> tuple[str, ...]:
    joint = at - 1
    while joint > first and spoken.tokens[joint].word in _LEADS:
        joint -= 1
    if at > first and _signed(spoken, at):
        joint = at
    elif joint <= first or spoken.tokens[joint].word not in _JOINTS:
        return ()
    start = joint
    while start > first and joint - start < 3 and spoken.tokens[start - 1].word not in _LEADS:
        start -= 1
    if start == joint:
        return ()
    bare = all(t.word in _LEADS for t in spoken.tokens[first:start]) and end == last
    near = spoken.tokens[start:joint]
    same = _kind(near[-1]) == _kind(spoken.tokens[at])
    named = same and _kind(near[-1]) != "word"
    if named:
        while len(near) > 1 and _kind(near[0]) == "word":
            near = near[1:]
    chosen = named or (same and (bare or joint == at or spoken.tokens[joint].word in _OR))
    return tuple(t.word for t in near) if chosen and near[0].word not in _NO_VALUE else ()


def _signed(spoken: _Spoken, n: int) -> bool:
    """Whether "/" or "&" stands between the token and the one before it."""
    return bool(re.search("[/&]", spoken.text[spoken.tokens[n - 1].start : spoken.tokens[n].start]))


def _like(gold: Token, partner: Sequence[Token], joint: str, bare: bool) -> bool:
    """Whether what follows the "and" is a value of the same kind, and not the sentence going on."""
    if not partner or len(partner) > (6 if _kind(gold) == "sign" else 3) or partner[0].word in _NO_VALUE:
        return False
    if _kind(partner[0]) != _kind(gold):
        return False
    if _kind(gold) != "word" or bare or joint in _OR:
        return True
    return len(partner) == 1 and not partner[0].word.endswith(("s", "ed", "ing", "ly"))


def _kind(token: Token) -> str:
    """A number, a name (capital letter), a sign of a script without spaces, or a word."""
    if token.word[0].isdigit():
        return "number"
    if len(token.word) == 1 and ord(token.word) > 0x2E7F:
        return "sign"
    return "name" if token.capital else "word"


def _set(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_TELLING = 4
"""Letters of a word of a question from which on it tells what is asked for."""
_SUBJECT = 2
"""Words before a value of something else at least: what it is of, and that it is."""
_DAY = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")
_JOINED_BEFORE, _JOINED_BEHIND = re.compile(r"[^\W\d_][-.‐‑]"), re.compile(r"[-.‐‑][^\W\d_]")
_GOING_ON = _set(
    """
    i you he she it we they who which this that her his their its before then later earlier previously formerly now
    currently once until since after afterwards first originally
    ich du er sie es wir der die das ihr sein vorher dann danach später früher zuvor jetzt bis seit nach erst
    je tu il elle nous ils elles qui ce avant puis ensuite après maintenant auparavant jusque depuis
    yo él ella nosotros ellos ellas que antes después luego ahora hasta desde
    eu ele ela eles elas depois agora até lui lei noi loro che prima poi dopo adesso ora fino
    я он она оно мы они который раньше потом затем теперь сейчас прежде после
    """
)
"""What a clause begins with that goes on about the same: "Mira lived in Lima, before that in Oslo"."""
_COMMAS = (",", "，", "、")
_GOES_ON = (
    "i|you|he|she|it|we|they|who|this|that|there|is|was|has|had|are|were|then|now|so|also|"
    "er|sie|es|il|elle|ella|él|он|она"
)
_CONTRASTS = (
    "but|however|although|though|because|since|while|whereas|who|which|instead(?! of)|aber|sondern|jedoch|weil|mais|"
    "cependant|parce que|pero|sino|porque|mas|ma|perché|но|однако|потому"
)
_UNSPACED = "但是|但|而是|而|不过|因为|しかし|けれど|(?:では|じゃ|で)なく(?:て)?|하지만|아니라"
_END = re.compile(
    rf"[.!?](?=\s|$|[\"')])|[;:；：。！？\n,，、()（）—]|\s[-–]\s|\b(?:{_CONTRASTS})\b|(?:{_UNSPACED})|"
    rf"\b(?:and|und|et|y|e|и)\b(?=\s+(?:{_GOES_ON})\b)"
)
_EVERY = re.compile(r"\b(?:any|every)(?:where|thing|one|body)\s+$|\ball\s+$")
_MORE_OF_A_LIST = re.compile(r"(?:[^,;.!?]{1,40},){0,8}\s*(?:or|nor|oder|noch|ni|ou|или)\b")

_NEGATIVE = _set(
    """
    not never no neither nor cannot without nobody none nothing nowhere except excluding isnt arent wasnt
    werent dont doesnt didnt wont cant couldnt wouldnt hasnt havent aint nicht kein keine keinen keinem
    keiner keines nie niemals weder niemand statt anstatt ne jamais ni aucun aucune pas nunca jamás tampoco
    ningún ninguna nadie não nem non nessuno не ни нет никогда никто niet geen nooit inte aldrig ingen ikke
    aldri
    """
)
_NOES = _set("no nope nein non nee nej não нет 不 いいえ 아니요 아니")
_INSTEAD = {("instead", "of"), ("rather", "than"), ("other", "than"), ("lieu", "de"), ("вместо",)}
_EITHER_SIDE = _set("nicht niet inte ikke")
_HARMLESS = _set(
    """
    only just merely doubt wonder problem matter less fewer later until before far nur allein seulement solo
    sólo solamente только так просто pas
    """
)
"""Behind a negation: "not only", "no doubt", "not until"; French "ne ... pas" denies with its first part."""
_PORTUGUESE = _set("em na do da dos das é ele ela um uma foi está mora fica não")
_COPULAS = _set("is was are were ist war sind est était es era fue é è son был была было 是 在")
_NEGATIVE_CHARACTERS = frozenset("不没沒未无無非别別")
_HARMLESS_CHARACTERS = re.compile(
    r"不[久过過错錯但仅僅只管论論断斷少同得]|[没沒][关關事]|[无無][论論名意数數]|非[常洲]|未[来來婚]|[别別][墅人名的]"
)
_NEGATIVE_ENDS = re.compile(r"ません|ない|なかった|なく|ぬ$|ず(?:に)?$|않|아니|없|못하")
_HARMLESS_ENDS = re.compile(r"少ない|危ない|違いない|間違いない|もったいない|しか.*|뿐만아니라|없이|ないと(?:思|い)")
_OR = _set("or oder ou o или 或 か / lub")
_JOINTS = _OR | _set("and und et y e и & plus 和 与 與 跟 及 と や sowie i en och og")
_LEADS = _set(
    """
    in at on to from by with of for both either it is was are were its the a an das ist im in en à au es está
    em
    """
)
_HEDGES = _set(
    "possibly maybe perhaps probably even vielleicht möglicherweise quizás quizá forse talvez возможно может"
)
_NO_VALUE = _set(
    """
    i he she it we they you his her their its my your our this that these those then now also so not more
    others other elsewhere beyond around nearby has have had is was are were lives works likes wants goes
    """
)
