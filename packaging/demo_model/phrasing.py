"""More ways to say the same thing, for training alone.

With the three or four phrasings of each kind that sessions draw from, a model learns the sentences by heart: after 143
minutes held-out names and values were recalled always (30 of 30 at 700 tokens), held-out phrasings hardly ever (12 of
30). So training also hears other verbs, other frames and small edits; never a held-out phrasing itself.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from functools import cache

from workbench.sessions.synthesis import language
from workbench.sessions.synthesis.language import ATTRIBUTES, Attribute
from workbench.sessions.synthesis.vocabulary import Pool

TOLD = {
    "city": (
        "I reside in {v}.",
        "I stay in {v}.",
        "My house is in {v}.",
        "My flat is in {v}.",
        "You find me in {v}.",
        "{v} is my home.",
        "I am at home in {v}.",
        "The city where I live is {v}.",
        "I have settled in {v}.",
        "My home town is {v}.",
        "My own city is {v}.",
        "My present city is {v}.",
        "The city of my home is {v}.",
        "My home is the city of {v}.",
    ),
    "job": (
        "I earn my money as a {v}.",
        "I am employed as a {v}.",
        "I do the work of a {v}.",
        "I serve as a {v}.",
        "My trade is {v}.",
        "They pay me as a {v}.",
        "At work I am a {v}.",
        "I found work as a {v}.",
        "I am a {v}, and I love my job.",
        "I am a {v}, and the work is good.",
        "I became a {v}, and I like my job.",
        "I am a {v} at work.",
        "I am a {v}, and it is good work.",
    ),
    "food": (
        "I enjoy eating {v}.",
        "I always eat {v}.",
        "I could eat {v} all day.",
        "I cook {v} for myself.",
        "For dinner I eat {v}.",
        "The food I like best is {v}.",
        "I have {v} for lunch.",
        "I am fond of eating {v}.",
    ),
    "drink": (
        "I enjoy drinking {v}.",
        "I always drink {v}.",
        "I could drink {v} all day.",
        "In the evening I drink {v}.",
        "The drink I like best is {v}.",
        "I have a glass of {v} at lunch.",
        "I am fond of drinking {v}.",
    ),
    "pet": (
        "I own a {v}.",
        "I look after a {v} of mine.",
        "I share my home with a {v}, my pet.",
        "As a pet I have a {v}.",
        "The pet I have is a {v}.",
        "My animal at home is a {v}.",
        "I live with a {v} as my pet.",
        "My animal is a {v}.",
        "My only pet is a {v}.",
        "My own pet is a {v}.",
    ),
    "hobby": (
        "For fun I do {v}.",
        "I spend my free time on {v}.",
        "After work I do {v}.",
        "{v} is what I do for fun.",
        "At the weekend my hobby is {v}.",
        "My free time goes to {v}.",
        "The hobby I have is {v}.",
        "In free time I love {v}.",
        "What I like in my free time is {v}.",
    ),
    "colour": (
        "The best colour is {v} for me.",
        "I prefer the colour {v}.",
        "Of all colours I like {v}.",
        "I paint everything in {v}, my favourite.",
        "My colour is {v}.",
        "The colour I prefer is {v}.",
    ),
    "sport": (
        "I train for {v}.",
        "I do {v} as a sport.",
        "At the club I play {v}.",
        "The sport I play is {v}.",
        "I am good at {v}.",
        "On Sunday I play {v}.",
        "{v} is the sport I do.",
        "For exercise I play {v}.",
        "My exercise is {v}.",
        "As exercise I play {v}.",
    ),
    "instrument": (
        "I practise the {v}.",
        "In the band I play the {v}.",
        "I own a {v} and play it.",
        "The instrument I play is the {v}.",
        "My music is made on the {v}.",
        "I perform on the {v}.",
    ),
    "language": (
        "I study {v}.",
        "I take lessons in {v}.",
        "I practise my {v}.",
        "I am taught {v} in class.",
        "The language I study is {v}.",
        "I try to speak {v}.",
        "I am busy learning {v}.",
        "I am learning to write {v}.",
        "I hope to speak {v} soon.",
        "I am starting to speak {v}.",
    ),
    "vehicle": (
        "I travel by {v}.",
        "I own a {v} and drive it.",
        "I get around in a {v}.",
        "I steer a {v}.",
        "The vehicle I use is a {v}.",
        "I come in my {v}.",
        "I ride in a {v} of mine.",
        "I go everywhere in a {v}.",
        "I go by {v}.",
        "To work I go in my {v}.",
    ),
    "plant": (
        "I plant {v}.",
        "I raise {v}.",
        "Behind my house I grow {v}.",
        "I water my {v} in the garden.",
        "The plant I grow is {v}.",
        "My plants are {v}.",
        "On my balcony I grow {v}.",
    ),
}
"""Further statements of a fact; with "now" they tell a change."""

COMPOSED = {
    "city": (
        (
            "I have my home",
            "I have a flat",
            "I rent a room",
            "I sleep",
            "I spend my days",
            "my family lives",
            "I live",
            "my home is",
            "I am at home",
            "we live",
        ),
        ("in {v}",),
        (
            "as a resident",
            "with my family",
            "in a small house",
            "for good",
            "where my home is",
            "at present",
            "with my friends",
            "like all my family",
        ),
    ),
    "job": (
        (
            "I earn a living",
            "I am paid",
            "I am hired",
            "I get up early",
            "I make my money",
            "I go to work",
            "I work",
            "I started to work",
            "I like to work",
        ),
        ("as a {v}", "being a {v}"),
        (
            "for my job",
            "in my job",
            "on weekdays",
            "and that is my job",
            "by profession",
            "in a good firm",
            "and I like it",
            "at present",
            "and I like my job",
            "for money",
        ),
    ),
    "food": (
        (
            "I eat",
            "I cook",
            "I order",
            "I want",
            "I enjoy",
            "I ask for",
            "I like",
            "I love to eat",
            "I like to eat",
            "I always eat",
            "I love",
        ),
        ("{v}", "some {v}", "a lot of {v}"),
        (
            "for food",
            "for my meals",
            "when I am hungry",
            "at dinner",
            "as my favourite food",
            "on my plate",
            "for lunch",
            "every day",
            "as food",
            "at home",
        ),
    ),
    "drink": (
        (
            "I drink",
            "I sip",
            "I order",
            "I pour",
            "I enjoy",
            "I ask for",
            "I like",
            "I love to drink",
            "I like to drink",
            "I always drink",
            "I love",
        ),
        ("{v}", "some {v}", "a lot of {v}", "a cup of {v}"),
        (
            "as a drink",
            "when I am thirsty",
            "at breakfast",
            "as my favourite drink",
            "in my glass",
            "for a drink",
            "in a cup",
            "in the morning when I am thirsty",
        ),
    ),
    "pet": (
        (
            "I feed",
            "I own",
            "I have",
            "I got",
            "I walk with",
            "I look after",
            "I chose",
            "I love",
            "I keep",
            "I like",
            "I want",
            "I took in",
        ),
        ("a {v}", "my {v}", "one {v}"),
        (
            "for a pet",
            "as my only pet",
            "who is my pet",
            "at home with me",
            "and it is my pet",
            "for company",
            "as a pet",
            "as my pet",
            "for my pet",
        ),
    ),
    "hobby": (
        (
            "I enjoy",
            "I do",
            "I love",
            "I try",
            "I go for",
            "I spend hours on",
            "I relax with",
            "I choose",
            "I like",
            "I prefer",
            "I always do",
        ),
        ("{v}", "a lot of {v}", "some {v}"),
        (
            "as my hobby",
            "when I am free",
            "for fun",
            "after work",
            "on free days",
            "for a hobby",
            "at weekends",
            "in my free time",
            "in free time",
            "when there is free time",
            "as a hobby",
        ),
    ),
    "colour": (
        (
            "I like",
            "I choose",
            "I wear",
            "I enjoy",
            "I want",
            "I paint",
            "I look good in",
            "I prefer",
            "I love",
            "I always choose",
            "I really like",
        ),
        ("{v}", "only {v}", "the colour {v}"),
        ("as my colour", "among all colours", "more than other colours", "for a colour", "of all the colours"),
    ),
    "sport": (
        (
            "I play",
            "I practise",
            "I do",
            "I train",
            "I enjoy",
            "I compete in",
            "I like",
            "I chose",
            "I like to play",
            "I love to play",
            "I always play",
        ),
        ("{v}", "a lot of {v}", "some {v}"),
        (
            "as my sport",
            "in a team",
            "at the club",
            "on Sundays",
            "to stay fit",
            "as exercise",
            "for a sport",
            "for sport",
            "as a sport",
            "as my only sport",
        ),
    ),
    "instrument": (
        (
            "I play",
            "I practise",
            "I have",
            "I perform",
            "I make music",
            "I play songs",
            "I am heard",
            "I play music",
            "I make songs",
            "I like to play",
            "I love music",
        ),
        ("on the {v}", "with the {v}", "with my {v}"),
        (
            "in a band",
            "as my instrument",
            "in the orchestra",
            "for music",
            "every evening",
            "at concerts",
            "at home in the band",
            "for my songs",
        ),
    ),
    "language": (
        (
            "I study",
            "I practise",
            "I read",
            "I am taught",
            "I take lessons in",
            "I try to speak",
            "I learn",
            "I am learning to speak",
            "I am learning",
            "I like to speak",
            "I want to learn",
        ),
        ("{v}", "some {v}", "basic {v}"),
        (
            "as a language",
            "in a class",
            "with a teacher",
            "at an evening school",
            "as a new language",
            "at school",
            "in my class",
            "from a book",
        ),
    ),
    "vehicle": (
        (
            "I travel",
            "I come",
            "I get around",
            "I move about",
            "I ride",
            "I arrive",
            "I go to work",
            "I go",
            "I drive to work",
            "I like to drive",
        ),
        ("in a {v}", "with a {v}", "by {v}", "in my {v}"),
        (
            "as my vehicle",
            "on the road",
            "to my job",
            "every morning",
            "when I travel",
            "and I drive it myself",
            "on every road",
            "to the office",
        ),
    ),
    "plant": (
        (
            "I plant",
            "I raise",
            "I have",
            "I water",
            "I care for",
            "I sell",
            "I love",
            "I grow",
            "I like to grow",
            "I keep",
            "there is",
        ),
        ("{v}", "some {v}", "rows of {v}", "my {v}"),
        (
            "as a plant",
            "behind the house",
            "on the balcony",
            "in pots",
            "near my door",
            "in the flower bed",
            "in my garden",
            "in the garden",
            "among my plants",
        ),
    ),
}
"""Parts to join into statements: beginning, value, what shows which attribute it is. Held-out phrasings name the
value before the attribute ("I like {v} in my free time"); while training had few of that shape, they were lost among
2,000 tokens."""

PLAIN = (
    "I like",
    "I love",
    "I have",
    "I keep",
    "I enjoy",
    "I want",
    "I choose",
    "I prefer",
    "I take",
    "I need",
    "I got",
    "I do",
    "I go for",
    "I am for",
    "I found",
    "I picked",
    "there is",
    "it is",
    "for me it is",
    "my choice is",
    "I always say",
)
"""Beginnings that could be about anything."""

CUES = {
    "city": (
        "as my home",
        "as the city I live in",
        "for my home",
        "as a place to live",
        "where I live",
        "as my city",
        "as the place of my home",
        "and my home is there",
        "and that is my city",
        "where my house is",
    ),
    "job": (
        "as my job",
        "for a living",
        "as my work",
        "by trade",
        "for a job",
        "as the work I do",
        "and that is my job",
        "to earn money",
        "as my trade",
        "when I work",
    ),
    "food": (
        "to eat",
        "as food",
        "for dinner",
        "on my plate",
        "when I am hungry",
        "as my food",
        "for my meals",
        "as the food I like",
        "and eat it",
        "at every meal",
        "to cook and eat",
    ),
    "drink": (
        "to drink",
        "as a drink",
        "in my glass",
        "in my cup",
        "when I am thirsty",
        "as my drink",
        "as the drink I like",
        "and drink it",
        "with every meal to drink",
        "in a glass",
    ),
    "pet": (
        "as a pet",
        "as my pet",
        "for a pet",
        "who is my pet",
        "among my pets",
        "as an animal at home",
        "as the pet I have",
        "at home as a pet",
        "and it is my pet",
        "for my pet",
        "as a pet at home",
        "as a pet of mine",
    ),
    "hobby": (
        "in my free time",
        "as a hobby",
        "for fun",
        "when I am free",
        "as my hobby",
        "in free time",
        "for a hobby",
        "in my spare time",
        "in the time that is free",
        "when I have free time",
        "and it is my hobby",
        "as the hobby I have",
        "to have fun in my free time",
        "in all my free time",
    ),
    "colour": (
        "as a colour",
        "among colours",
        "for a colour",
        "as my colour",
        "as the colour I like",
        "of all colours",
        "and it is my colour",
        "as the best colour",
        "when I choose a colour",
    ),
    "sport": (
        "as a sport",
        "for sport",
        "as exercise",
        "in my team",
        "as my sport",
        "at the sports club",
        "and it is my sport",
        "to train",
        "as the sport I do",
        "when I do sport",
    ),
    "instrument": (
        "to make music",
        "as an instrument",
        "for music",
        "in the band",
        "as my instrument",
        "to play songs",
        "and make music with it",
        "and it is my instrument",
        "when I make music",
        "as the instrument I have",
    ),
    "language": (
        "as a language",
        "to speak",
        "in language class",
        "as my language",
        "as the language I learn",
        "to learn",
        "and learn it at school",
        "and it is the language I learn",
        "in my lessons",
        "as the language I study",
    ),
    "vehicle": (
        "to drive",
        "as a vehicle",
        "on the road",
        "to go to work",
        "as my vehicle",
        "when I drive",
        "and drive it",
        "as the vehicle I have",
        "for the road",
        "and it is my vehicle",
    ),
    "plant": (
        "in my garden",
        "as a plant",
        "in pots",
        "to grow",
        "among my plants",
        "in the garden",
        "as my plant",
        "and it grows at home",
        "as the plant I grow",
        "for my garden",
        "and water it in the garden",
    ),
}
"""What alone says which attribute is meant, after a plain beginning and the value. Unseen phrasings with known values
were read right (99 %), and so were unseen values in known phrasings; both together were not (80 %): a known value had
given the attribute away."""

ASKED = {
    "city": (
        "Where is {p}'s home?",
        "Where is {p} living?",
        "Where is {p} at home?",
        "What city is {p} in?",
        "What is the city in which {p} lives?",
        "Which city is home to {p}?",
        "What city does {p} live in now?",
        "In what city does {p} live?",
        "In which town does {p} live?",
        "In which city is {p} living now?",
        "In which city is {p}'s home?",
    ),
    "job": (
        "How does {p} earn money?",
        "What is the work of {p}?",
        "What does {p} do for work?",
        "As what is {p} working?",
        "Which job does {p} do?",
        "What kind of work does {p} do?",
        "At work, what is {p}?",
        "As what does {p} earn money?",
        "As what does {p} work at present?",
        "As what is {p} paid?",
    ),
    "food": (
        "Which food does {p} eat?",
        "What is {p} eating?",
        "What does {p} eat?",
        "Which food is {p}'s favourite?",
        "What food does {p} eat most?",
        "What would {p} eat?",
        "What is the food that {p} likes to eat?",
        "What food does {p} love?",
        "What food does {p} enjoy?",
        "Which food does {p} like?",
    ),
    "drink": (
        "Which drink does {p} have?",
        "What is {p} drinking?",
        "What does {p} drink?",
        "What would {p} drink?",
        "Which drink is {p}'s favourite?",
        "What is the drink that {p} likes to drink?",
        "What drink does {p} love?",
        "What drink does {p} enjoy?",
        "Which drink does {p} like?",
    ),
    "pet": (
        "Which pet is {p}'s?",
        "What animal does {p} have as a pet?",
        "What is the pet that {p} has?",
        "Which pet lives with {p}?",
        "What pet has {p} got?",
        "What sort of pet does {p} own?",
        "Which pet does {p} keep?",
        "What pet does {p} keep at home?",
        "What animal does {p} keep?",
    ),
    "hobby": (
        "What does {p} do for fun?",
        "Which hobby is {p}'s?",
        "How does {p} spend free time?",
        "What does {p} do as a hobby?",
        "In free time, what does {p} do?",
        "What kind of hobby does {p} have?",
        "What is the hobby {p} has?",
        "What is the hobby that {p} likes?",
        "Which is the hobby that {p} has?",
    ),
    "colour": (
        "What colour is {p}'s favourite?",
        "Which colour is the favourite of {p}?",
        "What colour does {p} prefer?",
        "What is the colour that {p} likes?",
        "Of all colours, which does {p} like?",
        "Which is the favourite colour of {p}?",
        "Which is {p}'s best colour?",
        "Which is the colour {p} likes?",
    ),
    "sport": (
        "Which sport is {p}'s?",
        "What is the sport that {p} plays?",
        "Which sport does {p} do?",
        "As a sport, what does {p} play?",
        "What kind of sport does {p} play?",
        "What is {p} playing as a sport?",
        "What sport is the one of {p}?",
        "What sport is {p} playing?",
    ),
    "instrument": (
        "Which instrument is the one of {p}?",
        "What is the instrument that {p} plays?",
        "What does {p} make music with?",
        "What kind of instrument does {p} play?",
        "On which instrument does {p} play?",
        "With what does {p} make music?",
        "Which instrument is {p}'s?",
        "What instrument is the one of {p}?",
    ),
    "language": (
        "What language does {p} study?",
        "What is {p} learning to speak?",
        "What language is {p} studying?",
        "Which language is {p}'s?",
        "What does {p} learn at school?",
        "What language does {p} learn now?",
        "What is the language {p} is learning?",
        "What is the language that {p} learns?",
        "Which is the language that {p} is learning?",
    ),
    "vehicle": (
        "What is {p} driving?",
        "What kind of vehicle does {p} drive?",
        "What is the vehicle of {p} now?",
        "In what does {p} go to work?",
        "Which vehicle is {p}'s?",
        "What is the vehicle that {p} drives?",
        "What vehicle does {p} drive?",
        "What vehicle does {p} use now?",
        "What vehicle is {p} driving now?",
    ),
    "plant": (
        "What is growing in {p}'s garden?",
        "What plant is {p} growing?",
        "What is {p}'s garden full of?",
        "What plant does {p} have in the garden?",
        "What is the plant that {p} grows?",
        "What does {p} plant?",
        "Which plant does {p} grow in the garden?",
        "Which plant is {p} growing?",
        "Which plants does {p} grow?",
    ),
}
"""Further questions for the present value."""

CHATTER = {
    "city": (
        "{v} was in the news.",
        "The road to {v} is closed.",
        "A letter came from {v}.",
        "There was a storm over {v}.",
        "There was a song about {v} on the radio.",
        "{o} sent a card from {v}.",
    ),
    "job": (
        "A {v} came to the door.",
        "The {v} was late today.",
        "There was a {v} in the queue.",
        "{o} talked to a {v}.",
        "I read a story about a {v}.",
    ),
    "food": (
        "The shop had no {v}.",
        "There was {v} on the table.",
        "The {v} is cold by now.",
        "They sell {v} at the corner.",
        "{o} had {v} for lunch.",
    ),
    "drink": (
        "Somebody spilled {v}.",
        "The {v} was too warm.",
        "There was no {v} left.",
        "{o} asked for {v}.",
        "The cup of {v} fell down.",
    ),
    "pet": (
        "A {v} ran across the road.",
        "There was a {v} outside this morning.",
        "{o} saw a {v} at the market.",
        "The {v} next door is loud.",
        "I saw a {v} from the train.",
    ),
    "hobby": (
        "Everyone talks about {v} today.",
        "There is a poster for {v}.",
        "There was a film about {v} in the evening.",
        "{o} asked about {v}.",
    ),
    "colour": (
        "The wall is {v}.",
        "The sea was {v} this evening.",
        "A {v} door stood open.",
        "The clouds are {v} again.",
        "The light is {v} today.",
        "The street was {v} in the morning.",
        "{o} came in a {v} coat.",
    ),
    "sport": (
        "The {v} was on the radio.",
        "There was a queue for the {v}.",
        "I saw the {v} on the news.",
        "{o} talked about {v} for an hour.",
    ),
    "instrument": (
        "Somebody played a {v} in the street.",
        "A {v} was heard next door.",
        "I saw a {v} in the window of a shop.",
        "{o} lost a {v} on the train.",
    ),
    "language": (
        "The sign was in {v}.",
        "A man on the bus spoke {v}.",
        "There was a letter in {v}.",
        "The news was in {v} this morning.",
    ),
    "vehicle": (
        "A {v} blocked the street.",
        "The {v} was late again.",
        "There was a {v} outside the house.",
        "{o} came in a {v}.",
        "I saw an old {v} in the park.",
    ),
    "plant": (
        "The {v} are dear this year.",
        "There were {v} in the window.",
        "The market was full of {v}.",
        "{o} came with {v}.",
    ),
}
"""Talk that names a value and tells nothing about who talks. "The sky is grey" was taken for a fact, and "grey"
answered wherever an unseen value was asked for, while training had talk of three kinds of values only."""

TALK_PARTS = (
    (
        ("the sea", "the street", "the room", "the road", "the wind", "the kitchen", "the garden", "the evening",
         "the bus", "the night", "the water", "the air", "the park", "the market", "the film", "the house"),
        ("is", "was", "is so", "was very", "looks", "seemed", "is all"),
        ("{a}",),
    ),
    (
        ("I", "we", "{o} and I", "they", "{o}"),
        ("saw", "met", "waited for", "talked to", "sat with", "went home with", "had breakfast with", "helped"),
        ("{o}", "{o} and a friend", "some friends", "{o} and {o}", "nobody"),
    ),
    (
        ("the bus", "the train", "the post", "the plane", "the radio", "the shop", "the film", "the tram", "the lift"),
        ("was", "is", "came", "stopped", "had been"),
        ("late", "early", "full", "loud", "closed", "slow", "fine", "on time", "a bit late"),
    ),
)  # fmt: skip
"""Parts to join into talk: about whom or what, verb, rest."""
WHEN = ("this evening", "in the morning", "today", "last week", "for an hour", "at noon", "on Monday", "all day",
        "once more", "after lunch", "at night", "before work", "at the station", "in the rain")  # fmt: skip

ACKNOWLEDGED = (
    ("Thanks", "Thank you", "Fine", "All right", "Okay", "Good", "Oh", "I see", "Sure", "Well", "Yes", "Great"),
    ("noted", "I will remember it", "I keep that in mind", "I wrote it down", "that is fine", "that sounds nice",
     "that is good", "I will keep it", "it is noted", "I have it", "nice to hear that", "that is nice"),
)  # fmt: skip
"""Parts of what the assistant says."""

NOUN_TOLD = (
    "My {n} is {v}.",
    "{v} is my {n}.",
    "For me the {n} is {v}.",
    "As for my {n}, it is {v}.",
    "My {n} has been {v} for a while.",
    "I have a {n}, and it is {v}.",
    "The {n} I have is {v}.",
)
NOUN_ASKED = (
    "What {n} does {p} have?",
    "Which is {p}'s {n}?",
    "What is the {n} that {p} has?",
    "Say {p}'s {n}.",
    "What {n} is that of {p}?",
    "{p}'s {n} is what?",
    "Name the {n} of {p}.",
    "What is {p}'s {n} now?",
    "What is the {n} of {p} today?",
    "Tell us {p}'s {n}.",
    "Tell me what {p}'s {n} is.",
    "Give me {p}'s {n}.",
)
MORE = {
    language.LABEL_TOLD: (
        "I call every {a} {w} a {l}.",
        "Everyone calls a {a} {w} a {l}.",
        "The {a} {w} here is a {l}.",
        "Look, a {a} {w}, it is a {l}.",
        "Each {a} {w} has the label {l}.",
        "Every {a} {w} is a {l}.",
        "That {a} {w} is a {l}.",
    ),
    language.LABEL_ASKED: (
        "How do we call a {a} {w}?",
        "A {a} {w} is a what?",
        "What name has a {a} {w}?",
        "Say what a {a} {w} is.",
        "What label do we give a {a} {w}?",
    ),
    language.MEANING_TOLD: (
        "With {w} I name a {l}.",
        "{w} is our word for a {l}.",
        "To us {w} means a {l}.",
        "If I say {w}, it is a {l}.",
        "Any {w} is a {l}.",
    ),
    language.MEANING_ASKED: (
        "What do we mean by {w}?",
        "{w} is what?",
        "Say what {w} means.",
        "What is {w} to us?",
        "What do I say {w} for?",
    ),
    language.GENERIC_QUESTIONS: NOUN_ASKED,
    language.FIRST_ASKED: (
        "What {n} did {p} start with?",
        "The first {n} of {p} was what?",
        "At first, what was {p}'s {n}?",
        "Which was {p}'s first {n}?",
        "Which was the earliest {n} of {p}?",
    ),
    language.BEFORE_ASKED: (
        "What {n} did {p} have just before {v}?",
        "{p}'s {n} was what before {v}?",
        "Which {n} of {p} came before {v}?",
        "Before it was {v}, which {n} did {p} have?",
        "Before {v} came, {p} had which {n}?",
        "When it was not yet {v}, what was the {n} of {p}?",
        "Just before {v}, which was the {n} of {p}?",
    ),
    language.AFTER_ASKED: (
        "What {n} did {p} have right after {v}?",
        "{p}'s {n} was what after {v}?",
        "Which {n} of {p} came after {v}?",
        "After it was {v}, which {n} did {p} have?",
        "After {v} was over, {p} had which {n}?",
        "When it was no longer {v}, what was the {n} of {p}?",
        "Right after {v}, which was the {n} of {p}?",
    ),
    language.COUNT_CHANGES_ASKED: (
        "How many changes of {n} did {p} have?",
        "{p}'s {n} changed how many times?",
        "How often was there a change in {p}'s {n}?",
        "What is the number of times {p} changed the {n}?",
        "How often has {p}'s {n} changed?",
        "How often did the {n} of {p} change?",
        "How often was {p}'s {n} a new one?",
    ),
    language.COUNT_VALUES_ASKED: (
        "What is the number of people whose {n} we know?",
        "How many people spoke of their {n}?",
        "How many of the people have said what their {n} is?",
        "We know the {n} of how many people?",
        "How many people have told us a {n}?",
        "How many people have told their {n}?",
        "How many people did tell us their {n}?",
    ),
    language.MOST_CHANGED_ASKED: (
        "Who had more changes of {n} than all others?",
        "Which person changed the {n} most often?",
        "Whose {n} had the most changes?",
        "Whose {n} was another one more times than all others?",
        "By whom was the {n} changed most?",
        "Whose {n} was changed most often?",
        "Whose {n} changed the most?",
        "Whose {n} changed more often than others?",
    ),
    language.FIRST_PERSON_ASKED: (
        "Which person told the {n} first?",
        "Who was first with the {n}?",
        "Who was the first that told us a {n}?",
        "Before all others, who told the {n}?",
        "Who was first to tell their {n}?",
        "Who was the first to tell us their {n}?",
        "Who first told us their {n}?",
    ),
}
"""Further phrasings of the other pools."""
FILLERS = (
    "now",
    "today",
    "really",
    "also",
    "these days",
    "just",
    "at the moment",
    "at present",
    "again",
    "always",
    "still",
    "right now",
    "mostly",
    "of course",
    "then",
)
OPENINGS = ("Well,", "You know,", "So", "By the way,", "As you know,", "I think", "Yes,", "One thing:", "Oh,", "And")
ASKING = ("Tell me:", "Do you know?", "I want to know:", "One question:", "Please say:", "So", "And", "Remember:")
NEWS = (
    "Things have changed, and",
    "It changed, and",
    "After all that",
    "From today",
    "Since last week",
    "By now",
    "Since then",
    "This year",
    "From now on",
    "Now",
)
SWAPS = {
    "What": ("Which", "What"),
    "Which": ("What", "Which"),
    "like": ("enjoy", "love", "prefer", "like"),
    "favourite": ("best", "preferred", "favourite"),
    "play": ("practise", "play"),
    "drive": ("use", "drive"),
    "grow": ("have", "keep", "grow"),
    "have": ("own", "have", "keep"),
    "How often": ("How many times",),
    "told": ("said", "named", "told"),
    "changed": ("altered", "changed"),
    "first": ("earliest", "first"),
    "called": ("named", "called"),
}
LOOSE = frozenset(["a", "the", "to", "does", "as", "now", "my", "I", "did", "is"])
"""Words that a phrasing can lose."""
_WORD = re.compile(r"[^ ]+")


@cache
def held_out() -> frozenset[str]:
    """Every phrasing that training must never see, in comparable form."""
    pools = [value for value in vars(language).values() if isinstance(value, Pool)]
    pools += [pool for a in ATTRIBUTES for pool in (a.told, a.changed, a.asked)]
    told = {phrase for pool in pools for phrase in pool.heldout}
    named = {phrase.replace("{n}", a.noun) for phrase in told for a in ATTRIBUTES}
    return frozenset(map(_plain, told | named))


def told(r: random.Random, attribute: Attribute, changed: bool) -> str:
    """A template with ``{v}``: what a person says of themselves."""
    return _allowed(lambda: _told(r, attribute, changed))


def cued(r: random.Random, attribute: Attribute) -> str:
    """A template with ``{v}`` in which nothing but a few words after the value tell the attribute, as a rule."""
    return _allowed(lambda: _cued(r, attribute))


def asked(r: random.Random, attribute: Attribute) -> str:
    """A template with ``{p}``: a question for the present value."""
    return _allowed(lambda: _asked(r, attribute))


def line(r: random.Random, people: Sequence[str], value: Callable[[str], str], quality: Callable[[], str]) -> str:
    """A turn that tells nothing about who says it.

    Args:
        r: draws.
        people: who may speak and be named.
        value: a value of an attribute, by the attribute's name.
        quality: an adjective.
    """
    if r.random() < 0.3:
        return "assistant: " + _allowed(lambda: _acknowledged(r)).format(p=r.choice(people))
    return f"{r.choice(people)}: {_talk(r, people, value, quality)}"


def _talk(r: random.Random, people: Sequence[str], value: Callable[[str], str], quality: Callable[[], str]) -> str:
    u = r.random()
    if u < 0.4:
        template = of(r, language.SMALL_TALK, edited=0.3)
        values = {name: value(name) for name in ("city", "pet", "food") if "{" + name in template}
        return template.format(o=r.choice(people), **values)
    if u < 0.75:
        name = r.choice(ATTRIBUTES).name
        template = r.choice(CHATTER[name])
        template = template if r.random() < 0.6 else _edited(r, template)
        return template.format(v=value(name), o=r.choice(people))
    return _allowed(lambda: _joined(r)).format(o=r.choice(people), a=value("colour") if r.random() < 0.4 else quality())


def _joined(r: random.Random) -> str:
    text = " ".join(r.choice(part) for part in r.choice(TALK_PARTS))
    text += f" {r.choice(WHEN)}" if r.random() < 0.6 else ""
    return f"{text[:1].upper()}{text[1:]}."


def _acknowledged(r: random.Random) -> str:
    """A template, with ``{p}`` for who spoke: what the assistant says to anything."""
    if r.random() < 0.5:
        pool = language.ACKNOWLEDGE_FACT.train + language.ACKNOWLEDGE_TALK.train
        return r.choice(pool)
    opening, said = (r.choice(part) for part in ACKNOWLEDGED)
    named = f"{opening}, {{p}}" if r.random() < 0.5 else opening
    if r.random() < 0.2:
        return f"{named}."
    return f"{named}. {said[:1].upper()}{said[1:]}." if r.random() < 0.6 else f"{named}, {said}."


def _told(r: random.Random, attribute: Attribute, changed: bool) -> str:
    usual = (attribute.changed if changed else attribute.told).train
    u = r.random()
    if u < 0.15:
        return r.choice(usual)
    if u < 0.27:
        return _edited(r, r.choice(usual))
    if u < 0.47:
        template = _composed(r, attribute)
    elif u < 0.8:
        template = _cued(r, attribute)
    else:
        template = r.choice(TOLD[attribute.name] if r.random() < 0.75 else NOUN_TOLD).replace("{n}", attribute.noun)
    if changed and r.random() < 0.7:
        template = f"{r.choice(NEWS)} {_lower(template)}" if r.random() < 0.5 else f"{template[:-1]} now."
    return template if r.random() < 0.6 else _edited(r, template)


def _composed(r: random.Random, attribute: Attribute) -> str:
    beginnings, values, endings = COMPOSED[attribute.name]
    beginning, value, ending = r.choice(beginnings), r.choice(values), r.choice(endings)
    order = (beginning, value, ending) if r.random() < 0.7 else (ending, beginning, value)
    text = " ".join(order)
    return f"{text[:1].upper()}{text[1:]}."


def _cued(r: random.Random, attribute: Attribute) -> str:
    """Nothing but the cue tells the attribute; it stands after the value as a rule."""
    value = r.choice(("{v}", "{v}", "a {v}", "the {v}", "my {v}", "some {v}"))
    told, cue = f"{r.choice(PLAIN)} {value}", r.choice(CUES[attribute.name])
    if r.random() < 0.2:
        told += f" {r.choice(FILLERS)}"
    text = f"{told} {cue}" if r.random() < 0.75 else f"{cue} {told}"
    return f"{text[:1].upper()}{text[1:]}."


def _asked(r: random.Random, attribute: Attribute) -> str:
    u = r.random()
    if u < 0.4:
        return r.choice(attribute.asked.train)
    if u < 0.6:
        return _edited(r, r.choice(attribute.asked.train))
    template = r.choice(ASKED[attribute.name] if r.random() < 0.7 else NOUN_ASKED).replace("{n}", attribute.noun)
    return template if r.random() < 0.6 else _edited(r, template)


def of(r: random.Random, pool: Pool, edited: float = 0.4) -> str:
    """A training phrase of any other pool, or one of ``MORE``, edited with probability ``edited``."""
    more = MORE.get(pool, ())

    def draw() -> str:
        phrase = r.choice(more if more and r.random() < 0.4 else pool.train)
        return _edited(r, phrase) if r.random() < edited else phrase

    return _allowed(draw)


def _allowed(draw: Callable[[], str]) -> str:
    """The first drawn phrasing that is not held out."""
    while True:
        made = draw()
        if _plain(made) not in held_out():
            return made


def _edited(r: random.Random, template: str) -> str:
    """One to three small edits; slots stay."""
    for _ in range(r.choice((1, 1, 2, 3))):
        template = r.choice((_swap, _fill, _fill, _open, _drop))(r, template)
    return template


def _swap(r: random.Random, template: str) -> str:
    known = [word for word in SWAPS if re.search(rf"\b{word}\b", template)]
    if not known:
        return template
    word = r.choice(known)
    return re.sub(rf"\b{word}\b", r.choice(SWAPS[word]), template, count=1)


def _fill(r: random.Random, template: str) -> str:
    words = template.split(" ")
    words.insert(r.randint(1, len(words) - 1) if len(words) > 1 else 0, r.choice(FILLERS))
    return " ".join(words)


def _open(r: random.Random, template: str) -> str:
    return f"{r.choice(ASKING if template.endswith('?') else OPENINGS)} {_lower(template)}"


def _drop(r: random.Random, template: str) -> str:
    words = template.split(" ")
    loose = [at for at, word in enumerate(words) if word in LOOSE]
    if not loose:
        return template
    del words[r.choice(loose)]
    return " ".join(words)


def _lower(template: str) -> str:
    keep = template.startswith(("I ", "{"))
    return template if keep else template[:1].lower() + template[1:]


def _plain(template: str) -> str:
    return " ".join(_WORD.findall(template.lower().rstrip(".?!")))
