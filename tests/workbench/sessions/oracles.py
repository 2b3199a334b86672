"""Readers of generated sessions that know the rules and nothing else: golds must follow from the texts.

An oracle gets the texts of the turns up to the question, the question and its options, and gives an answer; "" where
the texts do not say it. It shares no code and no data with the generators.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import chain, pairwise
from typing import Any

Texts = Sequence[str]
Oracle = Callable[[Texts, str, Sequence[str]], str]
NOT_TOLD = "That was not mentioned."


def found(pattern: str, text: str) -> str:
    """The first group of a match; "" without one."""
    match = re.search(pattern, text)
    return match[1] if match else ""


def last(pattern: str, texts: Texts) -> str:
    """The first group of the last match in the texts."""
    hits = [m[1] for t in texts for m in re.finditer(pattern, t)]
    return hits[-1] if hits else ""


def needle_bench(texts: Texts, question: str, options: Sequence[str]) -> str:
    if "is handed to" in question:
        onward = dict(m.groups() for t in texts if (m := re.match(r"(.+) passes everything on to (.+)\.$", t)))
        name = found(r"handed to (\S+)\.", question)
        while name in onward:
            name = onward[name]
        return name
    kept = {k.lower(): v for t in texts for k, v in re.findall(r"^(.+) is kept in (\w+)\.$", t)}
    asked = re.findall(r"the \w+ \w+ of [A-Z]\w+ [A-Z]\w+", question)
    return ", ".join(kept.get(thing.lower(), "?") for thing in asked)


def ancestral_trace(texts: Texts, question: str, options: Sequence[str]) -> str:
    above: dict[str, tuple[str, int]] = {}
    term = r"(?P<term>(?:maternal |paternal )?(?:grand)?(?:father|mother)|dad|mom)"
    patterns = (
        rf"^(?P<a>.+) is the {term} of (?P<b>.+)\.$",
        rf"^The {term} of (?P<b>.+) is (?P<a>.+)\.$",
        rf"stands beside (?P<a>.+), the {term} of (?P<b>.+)\.$",
        rf"learned to swim from (?P<a>.+), the {term} of (?P<b>.+)\.$",
        rf"^Everybody says that (?P<a>.+), the {term} of (?P<b>.+), has",
    )
    for text in texts:
        match = next(m for p in patterns if (m := re.search(p, text)))
        above[match["b"]] = match["a"], 2 if "grand" in match["term"] else 1

    def up(name: str) -> tuple[str, int]:
        far = 0
        while name in above:
            name, step = above[name]
            far += step
        return name, far

    if not above:
        return ""
    if name := found(r"earliest ancestor of (.+) that can", question):
        return up(name)[0]
    if match := re.match(r"Who is the ancestor of (.+) (\d+) generations back", question):
        return up(match[1])[0] if up(match[1])[1] == int(match[2]) else ""
    if match := re.match(r"Who is the descendant of (.+) (\d+) generations on", question):
        below = {a for a, _ in above.values()}
        return next(n for n in above if n not in below and up(n) == (match[1], int(match[2])))
    return str(up(found(r"lie between (?:.+) and (.+)\? A", question))[1])


def sort(texts: Texts, question: str, options: Sequence[str]) -> str:
    places = [next((n for n, t in enumerate(texts) if o in t), -1) for o in options]
    return "" if -1 in places else options[places.index(min(places))]


def _binary(texts: Texts, question: str) -> str:
    trees: dict[str, dict[str, Any]] = {}
    for text in texts:
        if match := re.match(r"Tree (\d+) has the root (\d+)\.", text):
            trees.setdefault(match[1], {})["root"] = match[2]
        if match := re.match(r"In tree (\d+) the (left|right) child of (\d+) is (\d+)\.", text):
            trees.setdefault(match[1], {})[match[2], match[3]] = match[4]
    if not trees:
        return ""

    def below(tree: dict[str, Any], node: str) -> list[str]:
        return [tree.get((side, node), "") for side in ("left", "right")]

    def walk(tree: dict[str, Any], node: str, place: int) -> list[str]:
        if not node:
            return []
        parts = [walk(tree, child, place) for child in below(tree, node)]
        return [*chain(*parts[:place]), node, *chain(*parts[place:])]

    def height(tree: dict[str, Any], node: str) -> int:
        return 1 + max(height(tree, child) for child in below(tree, node)) if node else 0

    def even(tree: dict[str, Any], node: str) -> bool:
        one, two = below(tree, node) if node else ("", "")
        return not node or (abs(height(tree, one) - height(tree, two)) < 2 and even(tree, one) and even(tree, two))

    def form(tree: dict[str, Any], node: str) -> str:
        return "(" + "".join(sorted(form(tree, child) for child in below(tree, node))) + ")" if node else ""

    places = {"preorder": 0, "inorder": 1, "postorder": 2}
    if match := re.match(r"Have trees (\d+) and (\d+) the same shape", question):
        one, two = (form(t, t["root"]) for t in (trees[match[1]], trees[match[2]]))
        return "yes" if one == two else "no"
    tree = trees[found(r"(?i)tree (\d+)", question)]
    if order := found(r"Write the numbers of tree \d+ in (\w+),", question):
        return ", ".join(walk(tree, tree["root"], places[order]))
    if sequence := found(r"Is the sequence ([\d, ]+) the preorder", question):
        return next(o for o, p in places.items() if ", ".join(walk(tree, tree["root"], p)) == sequence)
    if match := re.search(r"then the (left|right) child of (\d+)\?", question):
        return str(tree["right" if match[1] == "left" else "left", match[2]])
    return "yes" if even(tree, tree["root"]) else "no"


def _document(texts: Texts, question: str) -> str:
    nodes = {node["name"]: node for node in map(json.loads, texts)}
    if not nodes:
        return ""

    def up(name: str) -> list[str]:
        return [name, *(up(nodes[name]["part_of"]) if "part_of" in nodes[name] else [])]

    if name := found(r"directly part of (\w+)\?", question):
        return str(sum(node.get("part_of") == name for node in nodes.values()))
    if name := found(r"level of the document is (\w+),", question):
        return str(len(up(name)))
    if name := found(r"staff has the node that (\w+) is part of", question):
        return str(nodes[nodes[name]["part_of"]]["staff"])
    if kind := found(r"nodes of the type (\w+) does", question):
        return str(sum(node["type"] == kind for node in nodes.values()))
    if name := found(r"the path from (\w+) up", question):
        return ", ".join(up(name))
    one, two = re.findall(r"both (\w+) and (\w+) are inside", question)[0]
    return next(name for name in up(one)[1:] if name in up(two)[1:])


def _formula(texts: Texts, question: str) -> str:
    known = {m[1]: m[2] for t in texts if (m := re.match(r"Formula (\d+) is (.+)\.$", t))}
    asked = re.findall(r"\d+", question)
    if any(n not in known for n in asked):
        return ""
    if question.startswith("What"):
        return str(eval(known[asked[0]]))
    if question.startswith("Have"):
        return "yes" if eval(known[asked[0]]) == eval(known[asked[1]]) else "no"
    waiting: list[list[str]] = [[]]
    for token in re.findall(r"[()]|[+*-]|\d+", known[asked[0]]):
        if token == "(":
            waiting.append([])
        elif token == ")":
            one, sign, two = waiting.pop()
            waiting[-1].append(f"{one} {two} {sign}")
        else:
            waiting[-1].append(token)
    return waiting[0][0]


def hi_bench(texts: Texts, question: str, options: Sequence[str]) -> str:
    if re.search(r"(?i)\btrees? \d", question):
        return _binary(texts, question)
    if re.search(r"\bformulas? \d", question):
        return _formula(texts, question)
    if not texts or texts[0].startswith("{"):
        return _document(texts, question)
    above: dict[str, str] = {}
    root = found(r"^(\w+) is the whole organisation", texts[0]) if texts else ""
    for text in texts:
        if match := re.match(r"(\w+) belongs to (\w+)\.|(\w+) has been moved: it now belongs to (\w+)\.", text):
            child, parent = (g for g in match.groups() if g)
            above[child] = parent
        elif match := re.match(r"(\w+) is the unit above (\w+)\.|Directly under (\w+) stands (\w+)\.", text):
            parent, child = (g for g in match.groups() if g)
            above[child] = parent

    def line(unit: str) -> list[str]:
        units = [unit]
        while units[-1] in above:
            units.append(above[units[-1]])
        return units

    if not texts:
        return ""
    if unit := found(r"stands directly above (\w+)\?", question) or found(r"Where does (\w+)", question):
        return above[unit]
    if unit := found(r"levels? above (\w+)\?", question):
        return line(unit)[2 if "two" in question else 1]
    if unit := found(r"How many levels below \w+ is (\w+)\?", question):
        assert line(unit)[-1] == root
        return str(len(line(unit)) - 1)
    if unit := found(r"How many units stand directly under (\w+)\?", question):
        return str(sum(parent == unit for parent in above.values()))
    if match := re.search(r"has both (\w+) and (\w+) under it", question):
        return next(unit for unit in line(match[1]) if unit in line(match[2]))
    if unit := found(r"stands above (\w+) and has nothing above", question):
        return line(unit)[-1]
    if unit := found(r"stand directly under (\w+)\? Name all", question):
        return ", ".join(child for child, parent in above.items() if parent == unit)
    if unit := found(r"that no unit stands under (\w+)\?", question):
        return "no" if unit in above.values() else "yes"
    if unit := found(r"Which units stand above (\w+)\?", question):
        return ", ".join(line(unit)[1:])
    unit, other = re.findall(r"Does (\w+) stand anywhere under (\w+)\?", question)[0]
    return "yes" if other in line(unit)[1:] else "no"


def worm(texts: Texts, question: str, options: Sequence[str]) -> str:
    number = found(r"(?:[Ll]ist|[Gg]rid|[Ff]igure|[Dd]rawing|game|round|[Dd]isplay|span) (\d+)", question)

    def own(pattern: str) -> list[Any]:
        return [m.groups() if len(m.groups()) > 1 else m[1] for t in texts if (m := re.match(pattern, t))]

    patterns = own(rf"List {number}, pattern \d+: dark are (.+)\.$")
    if shown := found(r"Was the pattern with (.+) dark one", question):
        return ("yes" if shown in patterns else "no") if patterns else ""
    if place := found(r"Which pattern stood at place (\d+)", question):
        return patterns[int(place) - 1] if patterns else ""
    if match := re.match(r"Had pattern (\d+) of list \d+ exactly (.+) dark\?", question):
        return ("yes" if patterns[int(match[1]) - 1] == match[2] else "no") if patterns else ""
    if question.startswith("Which cells of grid"):
        return ", ".join(own(rf"Grid {number}, flash \d+: cell (\w+) turns red"))
    if question.startswith("Is figure"):
        cells = set(own(rf"Figure {number}, cell \d+: (\w+)\."))
        mirrored = {"ABCDEFGH"[7 - "ABCDEFGH".index(c[0])] + c[1:] for c in cells}
        return ("yes" if cells == mirrored else "no") if cells else ""
    if shown := found(r"make the line through (.+)\? Answer", question):
        pairs = [frozenset(p) for part in own(rf"Drawing {number}, part \d+: a line through (.+)\.$")
                 for p in pairwise(part.split(", "))]  # fmt: skip
        return ("yes" if set(pairs) == {frozenset(p) for p in pairwise(shown.split(", "))} else "no") if pairs else ""
    if box := found(r"marker of box (\d) of game", question):
        start = own(rf"Box {box} of game {number}: the marker is at (\w\d)\.")
        if not start:
            return ""
        column, row = ord(start[0][0]), int(start[0][1])
        for move in own(rf"In box {box} of game {number} the marker moves (.+) by one cell"):
            column += ("right" in move) - ("left" in move)
            row += ("down" in move) - ("up" in move)
        return f"{chr(column)}{row}"
    if marker := found(r"said of marker (\d+) of round", question):
        rule = last(rf"Round {number}: from here on say whether the marker is (.+)\.", texts)
        both = own(rf"Round {number}, marker {marker}: (\w+) and (\w+)\.")
        return both[0][rule != "up or down"] if both else ""
    if shown := found(r"again with bars at (.+)\. Has a bar", question):
        before = own(rf"Display {number} has bars at (.+)\.$")
        return ("no" if before[0] == shown else "yes") if before else ""
    ball = found(r"did ball (\d) of span", question)
    return (own(rf"Span {number}, to keep {ball}: a ball goes through (.+)\.$") or [""])[0]


_OPPOSITE = {
    frozenset(pair.split()) for pair in (
        "hot cold", "early late", "heavy light", "open closed", "wide narrow", "full empty", "deep shallow",
        "rough smooth", "rare common", "sharp blunt", "loud quiet", "wet dry",
    )
}  # fmt: skip
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def long_ins(texts: Texts, question: str, options: Sequence[str]) -> str:
    paper, wrong = found(r"exam paper (\d+)", question), []
    for text in texts:
        if not re.match(rf"Exam paper {paper}[.,]", text):
            continue
        for number, asked, said in re.findall(r"^(\d+)\. (.+) Answer: (\S+)$", text, re.M):
            asked = asked.rsplit(". ", 1)[-1]
            if "+" in asked:
                right = said == str(sum(map(int, asked.split(" + "))))
            elif asked in _DAYS:
                right = said == _DAYS[(_DAYS.index(asked) + 1) % 7]
            elif said.isdigit():
                right = int(said) == len(asked)
            else:
                right = frozenset((asked, said)) in _OPPOSITE
            wrong += [] if right else [number]
    return ", ".join(wrong)


def _wanted(texts: Texts, question: str) -> str:
    """The label whose examples say the same verb and thing, which no other label's do together."""
    verbs = (
        "return", "repair", "insure", "rent out", "repaint", "replace", "register", "sell", "borrow", "clean", "track",
        "cancel", "collect", "exchange", "upgrade", "pack", "label", "polish", "donate", "lock",
    )  # fmt: skip

    def want(text: str) -> tuple[str, str]:
        verb, thing = re.findall(rf"\b({'|'.join(verbs)}) (?:my|an?|the|our|her|this) (\w+)", text)[0]
        return verb, thing

    known = {want(t): re.split(r"\n(?:label|intent category): ", t)[1] for t in texts
             if "\nlabel: " in t or "\nintent category: " in t}  # fmt: skip
    return known.get(want(question), "")


def labelled(texts: Texts, question: str, options: Sequence[str]) -> str:
    return _wanted(texts, question)


def long_bio_bench(texts: Texts, question: str, options: Sequence[str]) -> str:
    phrases = {
        "born": (r"was born on ([\w ]+)\.", r"The life of .+? began on ([\w ]+)\."),
        "city": (r"(?:The birthplace of .+?|My birthplace) is (\w+)\.", r"came into the world in (\w+)\."),
        "work": (r"works? in (\w+)\.", r"working days of .+? are spent in (\w+)\."),
        "subject": (r"ha(?:s|ve) a degree in (\w+)\.", r"learned at university was (\w+)\."),
        "university": (r"studied at the University of (\w+)\.", r"is a graduate of the University of (\w+)\."),
        "hobby": (r"spare time .+? enjoys? ([\w ]+)\.", r"Nothing relaxes .+? more than ([\w ]+)\."),
    }
    bios = {}
    for text in texts:
        facts = {key: next(filter(None, (found(p, text) for p in own)), "") for key, own in phrases.items()}
        name = found(r"\] My name is (.+? \w+)\.", text) or found(r"\] (?:The life of )?(.+?) (?:was|began)", text)
        bios[name] = facts | {"number": found(r"^\[(\d+)\]", text)}
    if question.startswith("Answer all three"):
        return ", ".join(long_bio_bench(texts, line.partition(" ")[2], options) for line in question.split("\n")[1:])
    named = [n for n in bios if n in question]
    date = {n: datetime.strptime(f["born"], "%d %B %Y") for n, f in bios.items()}
    if not texts:
        return ""
    if apart := found(r"exactly (\d+) years apart", question):
        years = {n: d.year for n, d in date.items()}
        return " and ".join(next((a, b) for a in years for b in years if abs(years[a] - years[b]) == int(apart)))
    if "birth years" in question:
        return str(abs(date[named[0]].year - date[named[1]].year))
    if "from the youngest" in question:
        return ", ".join(sorted(named, key=date.__getitem__, reverse=True))
    pattern = r"In which city was the person born who works in (\w+), studied (\w+) and enjoys ([\w ]+)\?"
    if match := re.match(pattern, question):
        return next(f["city"] for f in bios.values() if (f["work"], f["subject"], f["hobby"]) == match.groups())
    wanted = {"date was": "born", "city was": "city", "city does": "work", "subject": "subject",
              "university": "university", "hobby": "hobby"}  # fmt: skip
    said = next((bios[named[0]][key] for word, key in wanted.items() if f"{word} " in question), "")
    cite = f" [{bios[named[0]]['number']}]" if "number of the biography" in question else ""
    return said + cite if said else "not stated"


def humble_bench(texts: Texts, question: str, options: Sequence[str]) -> str:
    if match := re.match(r"Which colour is the (\w+) of ([\w ]+)\?", question):
        said = last(rf"^The {match[1]} of {match[2]} is (\w+)\.$", texts)
    elif match := re.match(r"Where does the (\w+) of ([\w ]+) lie\?", question):
        said = last(rf"^The {match[1]} of {match[2]} lies (.+)\.$", texts)
    else:
        place, name = re.findall(r"^What does (.+) of ([\w ]+) hold\?", question)[0]
        said = last(rf"^{place.capitalize()} of {name} holds (.+)\.$", texts)
    letters = dict((text, letter) for letter, text in re.findall(r"^([A-E])\. (.+)$", question, re.M))
    return (letters.get(said) or "E") if said else ""


def x_le_bench(texts: Texts, question: str, options: Sequence[str]) -> str:
    pattern = r"(.+), (\d\d:\d\d)\. (?:As planned,|Plans changed:) I (.+)\.$"
    entries = [m.groups() for t in texts if (m := re.match(pattern, t))]
    if match := re.match(r"What did I do on (.+) at (\d\d:\d\d)\?", question):
        return next((did for day, hour, did in entries if (day, hour) == (match[1], match[2])), "")
    if friend := found(r"with or for (\w+)\?", question):
        return last(rf"^\w+, (\d+ \w+), .*\b{friend}\b", [t for t in texts if re.match(pattern, t)])
    if shown := found(r"in which I did them: (.+)\.$", question):
        wanted = [one.removeprefix("I ") for one in shown.split("; ")]
        return "; ".join(did for _, _, did in entries if did in wanted)
    if day := found(r"Sum up what I did on (.+) from morning", question):
        return "; ".join(did for when, _, did in entries if when == day)
    if what := found(r"On which date was it that I (.+)\?", question):
        return next((day.split(", ")[1] for day, _, did in entries if did == what), "")
    if what := found(r"say that I (.+)\?", question):
        return str(sum(did == what for _, _, did in entries)) if texts else ""
    thing = found(r"last leave the (\w+)\?", question)
    return last(rf"I (?:left|put|forgot) the {thing} (.+)\.$", texts)


def sv_bench(texts: Texts, question: str, options: Sequence[str]) -> str:
    starts = [n for n, text in enumerate(texts) if re.match(r"Segment \d+\.$", text)]
    back = 2 if "the segment before" in question else 1
    if len(starts) < back:
        return ""
    seen = " ".join(texts[starts[-back] + 1 : starts[-back] + 5])
    match = re.match(
        r"There are (?P<people>\w+) people (?P<place>[^.]+)\. One of them, in an? (?P<colour>\w+) coat, carries an? "
        r"(?P<thing>\w+)\. The one in the \w+ coat puts it (?P<laid>[^.]+)\. Then an? (?P<animal>\w+) comes",
        seen,
    )
    words = {"How many": "people", "colour": "colour", "animal": "animal", "Where does": "laid", "Where had": "place",
             "carr": "thing"}  # fmt: skip
    return match[next(key for word, key in words.items() if word in question)] if match else ""


def et_bench(texts: Texts, question: str, options: Sequence[str]) -> str:
    lines = [(float(m[1]), m[2]) for t in texts if (m := re.match(r"At (\d+\.\d) s: (.+)$", t))]
    if quoted := found(r'"(.+)"', question):
        name = found(r"done by (.+?)\. Answer", question)
        spans = [_spans(lines, lambda text: text.startswith(f"{name} ") and quoted in text)[:1]]
    elif match := re.match(r"When did (.+?) carry the (\w+) (.+)\?", question):
        spans = [_spans(lines, lambda text: text.startswith(match[1]) and match[2] in text and match[3] in text)[:1]]
    elif what := found(r"every time at which (.+) can be seen", question):
        spans = [_spans(lines, lambda text: what in text)]
    else:
        name = found(r"cheer loudest for (.+?)\?", question)
        levels = [
            (at, int(m[1]))
            for at, text in lines
            if (m := re.search(rf"cheers for {re.escape(name)}, level (\d)", text))
        ]
        return str(next((at for at, level in levels if level == max(n for _, n in levels)), ""))
    return ", ".join(f"{start} - {end}" for start, end in spans[0])


def _spans(lines: list[tuple[float, str]], told: Callable[[str], bool]) -> list[tuple[float, float]]:
    """The times of the first and last line of every run of lines that tell it."""
    spans: list[tuple[float, float]] = []
    before = False
    for at, text in lines:
        if now := told(text):
            spans = [*spans[:-1], (spans[-1][0], at)] if before else [*spans, (at, at)]
        before = now
    return spans


def turtle_bench(texts: Texts, question: str, options: Sequence[str]) -> str:
    number, guess = re.findall(r"Puzzle (\d+), a guess: (.+\?) Answer", question)[0]
    told = " ".join(t for t in texts if t.startswith(f"Puzzle {number}."))
    if not told:
        return ""
    if match := re.match(r"Is the (\w+) (\w+)\?", guess):
        return "Correct" if f"{match[2]} {match[1]}" in told else "Incorrect"
    key = next((g for p in (r"work as an? (\w+)", r"happen in (\w+)", r"Is (\w+) part", r"Does an? (\w+) play")
                if (g := found(p, guess))), "")  # fmt: skip
    return "Unknown" if not key else "Correct" if re.search(rf"\b{key}\b", told) else "Incorrect"


def long_gen_bench(texts: Texts, question: str, options: Sequence[str]) -> str:
    if questions := re.findall(r"Question (\d+): Where has (\w+ \w+) moved\?", question):
        where = dict(m.groups() for t in texts if (m := re.match(r"(\w+ \w+) has moved to (\w+)\.", t)))
        return "\n".join(f"Answer {n}: {where.get(name, '?')}" for n, name in questions)
    weeks = int(found(r"all (\d+) weeks", question))
    says: dict[int, list[str]] = {n: ["nothing"] for n in range(1, weeks + 1)}
    for text in texts:
        thing = found(r"^About the diary:.* mention an? (\w+)", text)
        if match := re.search(r"In week (\d+) ", text):
            own = [int(match[1])]
        elif match := re.search(r"From week (\d+) to week (\d+)", text):
            own = list(range(int(match[1]), int(match[2]) + 1))
        elif match := re.search(r"Every (\d+)\w\w week", text):
            own = list(range(int(match[1]), weeks + 1, int(match[1])))
        else:
            continue
        for week in own:
            says[week].append(thing)
    return "\n".join(f"Week {n}: {' and '.join(things)}" for n, things in says.items())


def tool_llm(texts: Texts, question: str, options: Sequence[str]) -> str:
    calls = []
    for one, two in pairwise(texts):
        name, given = found(r"\nAction: (\w+)\n", one), found(r"\nAction Input: (\{.+\})$", one)
        if name and name != "Finish":
            calls.append((name, *json.loads(given).values(), json.loads(two)["response"]["reference"]))
    by_result = {result: n for n, (_, _, result) in enumerate(calls)}
    if not calls:
        return ""
    if result := found(r"Which tool returned the reference (\w+)\?", question):
        return calls[by_result[result]][0]
    if result := found(r"when it returned (\w+)\?", question):
        return calls[by_result[result]][1]
    if match := re.match(r"Which reference did (\w+) return for (\w+)\?", question):
        return next(result for tool, value, result in calls if (tool, value) == match.groups())
    return calls[by_result[found(r"had returned (\w+)\?", question)] + 1][0]


def conflict_chains(texts: Texts, question: str, options: Sequence[str]) -> str:
    name = found(r"does (\w+ \w+) ", question)
    own = [t for t in texts if t.startswith(f"{name} ")]
    patterns = {
        "live": r"(?:lives in|moved to) (\w+)\.",
        "work": r"(?:works as|now) an? (\w+)\.",
        "hobby": r"(?:weekends with|taken up) ([\w ]+?)(?: in place of the old hobby)?\.",
        "pet": r"(?:has a pet|now has an?) (\w+)\.",
    }
    kind = next(key for key in patterns if key in question)
    marks = {"live": ("lives", "moved"), "work": ("works", "jobs"), "hobby": ("weekends", "hobby"), "pet": ("pet",)}
    return last(patterns[kind], [t for t in own if any(m in t for m in marks[kind])])


def sc_bench(texts: Texts, question: str, options: Sequence[str]) -> str:
    if key := found(r"does the key (\w+) hold", question):
        return last(rf"^Key {key} holds the value (\w+)\.", texts)
    if match := re.search(r"begins with (\w+) and ends with (\w+)\?", question):
        return next((t for t in texts if t.startswith(match[1]) and t.endswith(match[2]) and " " not in t), "")
    if value := found(r"have the value (\d+)", question):
        chain: list[str] = []
        for text in texts:
            if (m := re.match(r"(\w+) is set to (\w+)\.", text)) and m[2] in (value, *chain):
                chain.append(m[1])
        return ", ".join(chain)
    if "Which label fits" in question:
        return _wanted(texts, question)
    if "Which function is described" in question:
        return _described(texts, question)
    if match := re.match(r"Where did (.+) hide the (.+)\?$", question):
        return last(rf"{match[1]} hid the {match[2]} of the family in the (.+)\.$", texts)
    if match := re.match(r"What did (.+) hide in (.+)\?\nA:", question):
        return last(rf"{match[1]} hid the (\w+) of the family in {match[2]}\.$", texts)
    if match := re.match(r"(.+)把(.+)藏在哪里", question):
        return last(rf"{match[1]}把{match[2]}藏在(.+)里。", texts)
    if title := found(r"meeting about the (.+): what", question):
        minutes = [t for t in texts if t.startswith(f"Minutes of the meeting about the {title}.")]
        return " ".join(re.findall(r"It was decided [^.]+\.", " ".join(minutes)))
    if thing := found(r"pass key of the (\w+)\?", question):
        return last(rf"pass key of the {thing} is (\d+)", texts)
    numbers = sorted(int(n) for t in texts if t.startswith("Numbers:") for n in re.findall(r"\d+", t))
    place = {"the largest": -1, "the second largest": -2, "the third largest": -3, "the smallest": 0,
             "the second smallest": 1, "the third smallest": 2}  # fmt: skip
    return str(numbers[place[found(r"which is (.+)\?", question)]]) if numbers else ""


def _described(texts: Texts, question: str) -> str:
    """The function whose code does what is described: its five numbers and signs are read out of both."""
    start, k, m = (found(p, question) for p in (r"begins at (\d+)", r"(?:than|of) (\d+)", r"by (\d+)"))
    sign = ">" if "greater than" in question else "<" if "less than" in question else "%"
    by = r"\*" if "multiplies" in question else r"\+"
    fold = "max" if "larger" in question else r"\+=" if "adds it" in question else "-="
    wanted = rf"result (?::?)= {start};?\n(.|\n)*value {sign} {k}\b(.|\n)*{fold}(.|\n)*value {by} {m}\b"
    codes = [t.split("\n\n", 1)[1] for t in texts if t.startswith("File ")]
    return next((f"```\n{code}\n```" for code in codes if re.search(wanted, code)), "")


ORACLES: dict[str, Oracle] = {
    "needle-bench": needle_bench,
    "ancestral-trace": ancestral_trace,
    "sort": sort,
    "hi-bench": hi_bench,
    "worm": worm,
    "long-ins": long_ins,
    "licon-bench": labelled,
    "many-shot": labelled,
    "long-bio-bench": long_bio_bench,
    "humble-bench": humble_bench,
    "x-le-bench": x_le_bench,
    "sv-bench": sv_bench,
    "et-bench": et_bench,
    "turtle-bench": turtle_bench,
    "long-gen-bench": long_gen_bench,
    "tool-llm": tool_llm,
    "conflict-chains": conflict_chains,
    "sc-bench": sc_bench,
}
