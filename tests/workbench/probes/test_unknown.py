"""Not knowing, as a claim of the whole answer, in the languages that are read."""

import pytest

from workbench.probes import unknown
from workbench.probes.unknown import abstains, declines

NOT_KNOWING = """
unknown
Unknown.
n/a
N/A
I don't know
I don’t know.
I do not know where she lives
I'm not sure.
I am not sure
Not sure
No idea
I have no idea.
It wasn't mentioned.
It was not mentioned
Not mentioned
Not mentioned in the conversation
not mentioned in the memory
No information available
no information available.
There is not enough information to answer.
There is no specific information about a hamster.
The information provided is not enough.
The information provided is not enough. You did not mention how much will the bus take.
You did not mention this information. You mentioned your cat Luna but not your hamster.
None of the memories contain this.
None of the messages mention a hamster
The conversation does not say.
The conversation doesn't mention it
That was not mentioned.
The memory does not say it.
Cannot be determined
It cannot be determined from the conversation.
Can't say.
Cannot answer.
I cannot answer that question based on the given context.
I can't find any information about that.
I couldn't find any mention of a dog.
I could not find this in the memory
There is no mention of a hamster in the conversation.
There's no record of that.
There is no information regarding this.
No mention of that.
No record.
The answer is unknown.
The answer is not in the memory.
Unanswerable
unanswerable
The date is unknown.
Her job is not specified.
The name of the hotel was never mentioned.
Insufficient information.
Not enough information
Based on the conversation, it is not clear where she lives.
It is unclear.
It's not possible to say.
Sorry, I don't know.
I'm sorry, but I don't have that information.
I'm afraid I do not have any information about that.
I don't have enough information to answer this question.
You never told me.
You haven't told me that.
You didn't say.
Nobody said.
She didn't say.
Caroline never mentioned it.
Nothing in the memory says so.
Nothing is known about it.
It doesn't say.
The provided context does not contain information about this.
The context provides no information about her birthday.
The text doesn't specify.
Unable to determine
This information is not available.
That information is not provided.
The user did not specify the color.
I was never told.
Unfortunately, the chat history does not include that detail.
As an AI, I can't tell.
Oslo is not mentioned
It is not stated in the conversation where she was born.
There isn't any information on that.
There are no details about the trip.
I have no record of that
I don't recall.
I do not remember that being discussed.
The question cannot be answered.
It's unknown.
Unknown - the conversation doesn't say.
Unknown (not mentioned)
No data.
I lack the information.
We don't know.
There was no discussion mentioned about a hamster.
The speaker does not mention a cat.
The notes are silent on this.
I'm unable to answer that.
I am not able to determine this.
Don't know
dunno
idk
Hard to say.
I have not been told.
No answer
no idea.
It has not been discussed.
Neither speaker mentioned a hamster.
Not specified.
Not stated
not given
The information is insufficient.
Insufficient data
I did not find any mention of it.
Answer: unknown
In the conversation, there is no mention of a hamster.
I don't see any mention of that.
The history does not hold that information.
I don't have access to that information.
I do not have a record of that.
There is no evidence of that in the conversation.
The conversation provides no details on the price.
Ich weiß es nicht.
Das weiß ich nicht
Ich weiß nicht, wo sie wohnt.
Unbekannt
Nicht erwähnt.
Das wurde nicht erwähnt.
Dazu gibt es keine Informationen.
Es gibt keine Angaben dazu.
Keine Ahnung
Ich bin mir nicht sicher.
Das geht aus dem Gespräch nicht hervor.
Die Information reicht nicht aus.
Ich habe keine Informationen darüber.
Es wird im Gespräch nicht gesagt.
Leider weiß ich das nicht.
Keine Information
Je ne sais pas.
Je ne sais pas où elle habite
Inconnu
Non mentionné
Ce n'est pas mentionné.
Cela n'a pas été mentionné dans la conversation.
Il n'y a pas d'informations à ce sujet.
Aucune information.
Aucune information disponible
On ne sait pas.
Pas assez d'informations pour répondre.
La conversation ne le dit pas.
Je l'ignore.
Je ne suis pas sûr.
Impossible de répondre
Je n'ai pas cette information.
No lo sé.
No sé
Desconocido
No se menciona.
No se menciona en la conversación
No hay información.
No hay suficiente información para responder.
No tengo información sobre eso.
No estoy seguro
No puedo responder a eso
La información proporcionada no es suficiente.
No se sabe
Eso no fue mencionado.
La conversación no menciona un hámster.
Nunca se mencionó
Não sei.
Não foi mencionado
Não há informações sobre isso.
Desconhecido
Não se sabe
Non lo so.
Non è menzionato.
Nessuna informazione
Sconosciuto
Non si sa
Non ci sono informazioni sufficienti
Не знаю.
Я не знаю
Неизвестно.
Это неизвестно
Не упоминается.
Это не упоминалось в разговоре.
Нет информации.
Нет данных
Информации недостаточно.
Недостаточно информации
Об этом ничего не сказано.
Я не уверен.
Не могу ответить
В разговоре это не указано.
Информации об этом нет
不知道
我不知道。
我不知道她住在哪里
不清楚。
没有提到。
对话中没有提到仓鼠。
没有提及
未提及
无法确定
无法回答这个问题。
没有相关信息
信息不足。
没有足够的信息来回答。
不確定
沒有提到
無法得知
我不确定
记忆中没有相关记录。
未知
他没有说过
わかりません。
分かりません
知りません。
不明です
不明
言及されていません。
会話では言及されていない。
情報がありません。
情報が不足しています。
ハムスターについての情報はありません。
答えられません
記録がありません
述べられていません。
それについてはわかりません。
覚えていません
모르겠습니다.
알 수 없습니다.
언급되지 않았습니다.
정보가 없습니다.
정보가 부족합니다
""".strip().splitlines()

CLAIMS = """
Oslo
He got stuck on a plot twist and couldn't find his way out.
Rome; the exact date is not given.
No, she has not tried it yet; there is no record of a lesson.
Tomb of the Unknown Soldier, Warsaw
It was never recorded by Prince
couldn't find his way
The Unknown Pleasures album
He knows no one there.
no
No
none
nothing
not interested
She does not like it
He never told his mother
She didn't tell her boss.
She did not know anyone
They have no children
No pets
He has no memory of the war
Because she couldn't remember her password
The movie Unknown
It is not raining
I think Oslo
I'm not sure, but I think it is Oslo.
It isn't mentioned, but it might be Oslo.
She said she was not sure about the job
To find out that nothing is known about the comet
An unknown artist
The artist is unknown outside Norway
They could not find the keys
He was not told about the party
There is no place like home
There are no cats in the house
No parking
No sugar
She has no idea that they plan a party
She told him that she doesn't know how to swim
The question of who wins
It was not the butler
it isn't Oslo
A lack of information about the disease
Not far from Oslo
Not Oslo
"Don't Stop Me Now"
She never said goodbye
Nobody
Nobody came
never
Never mind the details album
Not much
no longer in Oslo
The missing data was found
Because he didn't answer the phone
She forgot to mention it
not stated clearly enough, so he failed
The information desk
The conversation about dogs
There is a record of it in May
The memory foam mattress
The notes are in the drawer
They can't say no
I can't swim
I don't know how to swim
I do not have a car
You did not win
You have not been to Paris
We don't eat meat
She moved to Oslo, but the date is not mentioned.
He can't find a job
It is not clear water but mud
I cannot find my keys
The story has no end
Er weiß nicht, was er will
Sie wohnt nicht in Oslo
Der Unbekannte Soldat
Ich mag keine Katzen
Keine Katze
Nein
Berlin, das Datum wurde nicht erwähnt
Elle n'a pas de chat
Il ne sait pas nager
Paris
Non
Pas de sucre
Elle n'habite pas à Oslo
No le gusta
No tiene gatos
No vive en Oslo
Madrid
No quiso ir
Не Осло
Она не живёт в Осло
Он не знал
Нет
Нет кошки
他不知道路
他没有说谎
不是北京
他没有猫
不喜欢
我住在北京
他不清楚规则
没有
不要
无名英雄
彼は知らないと言った
東京です
猫はいません
いいえ
彼女は料理ができない
行かない
不明な点を聞くため
아니요
고양이가 없습니다
서울
""".strip().splitlines()

TOLD_AT_THE_END = """
You mentioned your cat Luna, but you did not mention a hamster.
You mentioned playing tennis but not table tennis.
The information you gave is about Oslo. However, the hotel is not mentioned.
"""


@pytest.mark.parametrize("answer", NOT_KNOWING)
def test_not_knowing(answer: str) -> None:
    assert abstains(answer)
    assert declines(answer)


@pytest.mark.parametrize("answer", CLAIMS)
def test_something_else_is_claimed(answer: str) -> None:
    assert not abstains(answer)


@pytest.mark.parametrize("answer", TOLD_AT_THE_END.strip().splitlines())
def test_the_answer_comes_to_it(answer: str) -> None:
    assert declines(answer)
    assert not abstains(answer)


ANSWERED = [
    "Oslo. The date is not given.",
    "Rome; the date is unknown.",
    "Oslo. Not Lima.",
    "He drinks tea but never coffee.",
]


@pytest.mark.parametrize("answer", ["", " ", "...", "- - -", *ANSWERED])
def test_nothing_is_told(answer: str) -> None:
    assert not declines(answer)


NEW = {
    True: """
    I'm afraid that never came up.
    That detail isn't in our chats.
    We haven't discussed your birthday.
    That's not something you've told me.
    It hasn't come up.
    I'm not sure I can answer that.
    You mentioned a cat, though no hamster was mentioned.
    Davon war nie die Rede.
    Du hast mir das nie erzählt.
    Je n'en ai aucune idée.
    Vous ne me l'avez jamais dit.
    Nunca me lo dijiste.
    Mencionaste un gato, aunque no mencionaste un hámster.
    您没有告诉过我。
    聞いたことがありません。
    Вы мне этого не говорили.
    """,
    False: """
    Don Quijote no sabe nada de eso: era Sancho
    No sabe nadar
    Er weiß nicht, wie man schwimmt
    他不知道怎么游泳
    I am not sure I liked it, she said
    Unknown Pleasures
    She never mentioned it to her mother
    Blue, although the size was not mentioned
    Blue, though I am not sure about the size
    Blau, obwohl die Größe nicht erwähnt wurde
    Azul, aunque no se menciona la talla
    Синий, хотя размер не указан
    蓝色，虽然没有提到尺码
    """,
}
"""Near misses of both kinds that were not known when the rules were written."""


@pytest.mark.parametrize(
    ("answer", "away"), [(line.strip(), away) for away, text in NEW.items() for line in text.strip().splitlines()]
)
def test_near_misses(answer: str, away: bool) -> None:
    assert declines(answer) is away


def test_a_language_file_has_sections_with_its_parts_filled_in() -> None:
    text = "# a comment\n[parts]\nit = (?:it|that)\n\n[guess]\n{it} may be\nperhaps = {it}\n[claim]\nI know {it}"
    assert unknown._sections(text) == {
        "guess": ["(?:it|that) may be", "perhaps = (?:it|that)"],
        "claim": ["I know (?:it|that)"],
    }
