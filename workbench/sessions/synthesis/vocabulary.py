"""The words of the controlled English: names, values, made-up words, each split into training and held-out.

The bundled model is trained on the ``train`` halves only; ``heldout`` words are never seen in training, so a probe that
uses them shows that the model reads and does not recite.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "heldout"]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


@dataclass(frozen=True, slots=True)
class Pool:
    """Words of one kind. ``of`` gives the half that belongs to a split."""

    train: tuple[str, ...]
    heldout: tuple[str, ...]

    def of(self, split: Split) -> tuple[str, ...]:
        """The words of ``split``."""
        return self.train if split == "train" else self.heldout


NAMES = Pool(
    _words(
        """Mira Tom Anna Ben Carla David Elena Felix Greta Hugo Ines Jonas Kira Leo Marta Nils Olga Paul Quinn Rosa
        Sam Tara Uma Victor Wanda Yusuf Zoe Adam Bella Clara Dana Emil Fiona Georg Hanna Igor Julia Karl Lena
        Max Nora Oscar Petra Rita Simon Tina Vera Walter Yara Zack Alice Bruno Cora Dora Erik Frida Gina Henry
        Irma Jack Kate Lukas Maria Nina Otto Pia Ralf Sara Theo Ursula Vince Willa Xenia Yves Zara Aron Berta
        Colin Daria Edgar Flora Gustav Helga Ivan Jana Kurt Laura Mario Nadia Oliver Peter Ruth Stefan Thea Udo
        Viola Wim Amir Bianca Chen Diego Esra Farid Gwen Hamid Isla Jorge Kenji Layla Mina Noah Omar Priya Ravi
        Sofia Tariq Usha Vikram Wei Yuki Zainab"""
    ),
    _words(
        """Agnes Boris Celia Edith Florian Gloria Ingrid Katrin Rafael Valentin Wilma Astrid Franca Gideon
            Serena Marco Monica Helena Carmen Susan Linda Martin Robert Pedro Luca Anton Albert Arthur Carol
            Damon Dario Doris Elsa Esther Gerda Hector Iris Janet Jordan Justin Kevin Lorena Marcel Margot
            Nelson Olaf Pamela Ramon Regina Roland Selma Sonia Stella Teresa Vernon Wendy"""
    ),
)

MADE_UP_ONSETS = _words("b d f g k l m n p r s t v z bl dr fl gr kr pl sn tr zw")
MADE_UP_VOWELS = _words("a e i o u")
MADE_UP_CODAS = ("", "", "", "n", "r", "x", "m", "b", "p", "sk", "lt", "ck")

MADE_UP_SEED = {"train": 101, "heldout": 202}


def made_up(rng: random.Random, syllables: int | None = None) -> str:
    """A made-up word of two or three syllables, such as ``blicket`` or ``tarvo``."""
    count = syllables or rng.choice((2, 2, 3))
    parts = [rng.choice(MADE_UP_ONSETS) + rng.choice(MADE_UP_VOWELS) for _ in range(count)]
    return "".join(parts) + rng.choice(MADE_UP_CODAS)


def made_up_pool(split: Split, size: int = 1200) -> tuple[str, ...]:
    """The made-up words of a split: the two pools share no word."""
    rng = random.Random(MADE_UP_SEED["train"])
    train = {made_up(rng) for _ in range(4 * size)}
    if split == "train":
        return tuple(sorted(train)[:: max(1, len(train) // size)])[:size]
    rng = random.Random(MADE_UP_SEED["heldout"])
    other = {made_up(rng) for _ in range(size)} - train
    return tuple(sorted(other))


VALUES = {
    "city": Pool(
        _words(
            """Oslo Paris Rome Lima Cairo Delhi Tokyo Berlin Madrid Vienna Prague Dublin Athens Lisbon Warsaw
            Boston Austin Denver Quito Havana Nairobi Lagos Accra Tunis Dakar Riga Tallinn Vilnius Belgrade
            Milan Turin Naples Porto Bergen Malmo Zurich Basel Geneva Lyon Nice Hamburg Bonn Dresden Seoul Osaka
            Kyoto Hanoi Manila Perth Sydney"""
        ),
        _words(
            """Montreal London Bremen Mainz Trier Kassel Graz Linz Leiden Nantes Toulon Turku Ankara Muscat Pune
            Dallas Seattle Cusco"""
        ),
    ),
    "job": Pool(
        _words(
            """baker teacher doctor nurse painter pilot farmer lawyer writer singer driver cook dentist gardener
            tailor builder plumber carpenter librarian judge clerk sailor soldier waiter barber banker chemist
            designer dancer fisher guard guide hunter miner porter potter printer reporter"""
        ),
        _words("translator conductor weaver mason manager dealer editor ranger senator trader roofer"),
    ),
    "food": Pool(
        _words(
            """pizza pasta rice soup salad bread cheese sushi curry noodles beans fish chicken cake pancakes
            potatoes eggs dumplings tacos pie stew toast lentils mushrooms olives tomatoes carrots apples
            cherries honey butter steak shrimp tofu yoghurt porridge waffles"""
        ),
        _words("falafel spinach goulash bacon lettuce melons oranges lasagne sausages"),
    ),
    "drink": Pool(
        _words(
            """tea coffee milk juice water cocoa lemonade beer wine cider soda punch espresso kefir cola rum broth
            mead"""
        ),
        _words("matcha sherry mocha latte tonic"),
    ),
    "pet": Pool(
        _words(
            """dog cat rabbit hamster parrot goldfish turtle pony mouse lizard snake canary duck goose goat sheep
            pig frog hedgehog ferret pigeon donkey"""
        ),
        _words("tortoise greyhound poodle terrier otter gerbil raven"),
    ),
    "hobby": Pool(
        _words(
            """chess painting cooking reading knitting hiking fishing sewing dancing gardening singing climbing
            sailing pottery photography drawing camping baking juggling cycling skating surfing archery poetry
            yoga"""
        ),
        _words("weaving jogging carving rowing modelling writing"),
    ),
    "colour": Pool(
        _words("red blue green yellow orange purple pink brown black white grey silver gold beige violet turquoise"),
        _words("crimson magenta indigo scarlet maroon copper"),
    ),
    "sport": Pool(
        _words(
            """tennis football golf hockey rugby cricket basketball baseball volleyball handball badminton squash
            polo bowls"""
        ),
        _words("softball curling netball fencing karate snooker"),
    ),
    "instrument": Pool(
        _words("piano guitar violin flute drum harp trumpet cello banjo organ oboe tuba clarinet lute horn bass"),
        _words("bassoon sitar recorder bongo"),
    ),
    "language": Pool(
        _words(
            """French Spanish German Italian Greek Latin Turkish Polish Dutch Danish Russian Chinese Japanese
            Korean Arabic Hindi Swedish Czech Finnish"""
        ),
        _words("Persian Welsh Malay Tamil Latvian"),
    ),
    "vehicle": Pool(
        _words("van truck tractor jeep bus taxi lorry scooter motorbike tram limousine minibus pickup bicycle"),
        _words("moped camper tricycle sedan ferry"),
    ),
    "plant": Pool(
        _words(
            """roses tulips lilies daisies herbs basil mint beets onions leeks peas corn grapes plums pears ferns
            ivy moss"""
        ),
        _words("sunflowers rosemary irises pansies poppies"),
    ),
}

ADJECTIVES = Pool(
    _words("small big old new round flat tall short soft hard heavy light warm cold dry wet long thin bright dark"),
    _words("shiny hollow fluffy striped narrow dusty"),
)

LABEL_KINDS = Pool(
    _words("tool toy fruit bird plant game dance song stone coin hat boat drink cake chair lamp shoe cloth tree fish"),
    _words("instrument vehicle ornament vegetable insect weapon"),
)
