"""Running English without end that tells nothing anybody asks for: the hay of every haystack. Own words."""

from __future__ import annotations

import random

_PLACES = (
    "the harbour", "the old library", "the tram depot", "the bakery on the corner", "the botanical garden",
    "the school yard", "the river path", "the market hall", "the repair shop", "the town theatre", "the ferry landing",
    "the post office", "the swimming hall", "the clock tower", "the orchard", "the brickworks", "the observatory",
    "the allotments", "the print shop", "the railway bridge", "the community kitchen", "the boat shed",
)  # fmt: skip
_PEOPLE = (
    "the caretaker", "a retired teacher", "two apprentices", "the woman from the kiosk", "a visiting choir",
    "the gardener", "a group of cyclists", "the night watchman", "an electrician", "the youngest volunteer",
    "a family with a dog", "the bookbinder", "a tired courier", "the head cook", "three students", "the carpenter",
    "a neighbour from upstairs", "the conductor", "an old fisherman", "the new librarian",
)  # fmt: skip
_DID = (
    "oiled the locks of", "swept the leaves in front of", "took photographs of", "painted the door of",
    "waited a long time outside", "counted the windows of", "carried boxes into", "drew a careful plan of",
    "planted herbs beside", "told stories about", "locked up", "walked slowly around", "measured the roof of",
    "cleaned the lamps of", "wrote a short notice about", "hung paper garlands along the wall of",
)  # fmt: skip
_WEATHER = (
    "a thin rain had begun", "the wind came from the east", "the fog had not lifted yet", "the sun stood low",
    "it was warmer than anyone had expected", "snow lay on the railings", "the clouds moved quickly",
    "a storm had passed in the night", "the air smelled of wet stone", "the streets were unusually quiet",
)  # fmt: skip
_WHEN = (
    "Early in the morning", "Shortly before noon", "After the bell had rung", "In the late afternoon",
    "Once the shops had closed", "During the long break", "On the way home", "Before anyone else arrived",
    "When the lights went on", "Towards evening", "In the quiet hour after lunch", "A little later",
)  # fmt: skip
_FELT = (
    "nobody seemed to be in a hurry", "everyone spoke in low voices", "there was much laughter",
    "it took longer than planned", "the work went well", "some of it had to be done again",
    "the result pleased even the sceptics", "most people only watched", "a pot of soup was always on the stove",
    "the radio played old songs", "somebody had brought plum cake", "the tools lay in neat rows",
)  # fmt: skip
_THING = (
    "a wooden ladder", "a basket of pears", "an umbrella with a broken rib", "a pile of old newspapers",
    "a bicycle without a saddle", "a jar of buttons", "a rolled carpet", "a box of candles", "a map with torn edges",
    "a pair of muddy boots", "a kite", "a tray of seedlings", "a violin case", "a bucket of white paint",
)  # fmt: skip
_SENTENCES = (
    "{when} {people} {did} {place}.",
    "{when}, while {weather}, {people} {did} {place}.",
    "At {place} {felt}, and {people} left {thing} by the door.",
    "{People} had found {thing} near {place} and did not know whose it was.",
    "Between {place} and {place2} one could see {people} with {thing}.",
    "As {weather}, {people} stayed inside and {felt}.",
    "Some say that {place} looks best when {weather}.",
    "{when} somebody moved {thing} from {place} to {place2}.",
    "It was said that {people} once {did} {place2}, though {felt}.",
    "{People} preferred {place} to {place2}, because there {felt}.",
    "Nothing much happened: {people} {did} {place}, and {weather}.",
    "The path to {place} was blocked by {thing}, so {people} took the other way.",
)


def sentence(r: random.Random) -> str:
    """One sentence."""
    place, place2 = r.sample(_PLACES, 2)
    people = r.choice(_PEOPLE)
    return r.choice(_SENTENCES).format(
        when=r.choice(_WHEN),
        people=people,
        People=people[0].upper() + people[1:],
        did=r.choice(_DID),
        place=place,
        place2=place2,
        weather=r.choice(_WEATHER),
        felt=r.choice(_FELT),
        thing=r.choice(_THING),
    )


def paragraph(r: random.Random, sentences: int = 4) -> str:
    """Some sentences in a row."""
    return " ".join(sentence(r) for _ in range(sentences))
