"""What an answer leads up to."""

import pytest

from workbench.probes import score
from workbench.probes.leads import final
from workbench.probes.unknown import abstains
from workbench.sessions.model import Probe


@pytest.mark.parametrize(
    ("answer", "proper"),
    [
        ("Oslo.", "Oslo"),
        ("Let me see. Answer: Oslo.", "Oslo"),
        ("The answer is: Lima. No, the final answer is Oslo.", "Oslo"),
        ("The answer to the question is: Oslo", "Oslo"),
        ("I think the correct answer is that she is in Oslo", "she is in Oslo"),
        # Nothing behind it.
        ("Yes.\n\nThe answer is:", "Yes"),
        ("Oslo\nAnswer:", "Oslo"),
        ('Oslo. "The answer is:"', "Oslo"),
        ("The answer is: Oslo\n\nThe answer is:\n\nThe answer is:", "Oslo"),
        ("Oslo. **Answer:** **", "Oslo"),
        ("Die Antwort ist: Oslo. Die Antwort ist:", "Oslo"),
        ("オスロです。答えは：", "オスロです"),
        ("I don't know what the answer is.", "I don't know what the answer is"),
        ("Answer:", "Answer"),
        ("The answer is: the answer is:", "The answer is: the answer is"),
        # Cut off while it repeats itself.
        ("The answer is: 2026\n\nThe reason for the answer is: 2026\n\nThe answer is: 20", "2026"),
        ("Answer: Oslo Airport. Final answer: Oslo", "Oslo"),
        ("The answer is 12. Wait, the answer is 1", "1"),
        # Marked up, tagged, under a heading, quoted.
        ("**Final answer**: Oslo", "Oslo"),
        ("The answer is **Oslo**.", "Oslo"),
        ("## Answer\n\nOslo", "Oslo"),
        ("**Answer**\nOslo", "Oslo"),
        ("<think>Lima?</think><answer>Oslo</answer>", "Oslo"),
        ('The answer is "Oslo".', "Oslo"),
        ('It is called "Oslo"', 'It is called "Oslo"'),
        ('"Oslo" it is', '"Oslo" it is'),
        # Other languages.
        ("Lima? Nein. Die richtige Antwort lautet Oslo.", "Oslo"),
        ("La réponse à la question est : Oslo", "Oslo"),
        ("Lima. La respuesta correcta es Oslo", "Oslo"),
        ("A resposta final é: Oslo", "Oslo"),
        ("Risposta: Oslo", "Oslo"),
        ("Ответ на вопрос — Осло", "Осло"),
        ("想一想。答案是：奥斯陆。", "奥斯陆"),
        ("Answer：奥斯陆", "奥斯陆"),
        ("정답은 오슬로", "오슬로"),
        ("我不知道答案是什么", "我不知道答案是什么"),
    ],
)
def test_the_answer_proper(answer: str, proper: str) -> None:
    assert final(answer) == proper


@pytest.mark.parametrize(
    "answer", ["I don't know. The answer is:", "I don't know what the answer is.", "我不知道答案是什么"]
)
def test_what_leads_to_nothing_hides_no_not_knowing(answer: str) -> None:
    assert abstains(answer)


@pytest.mark.parametrize(
    ("answer", "right"), [("Yes.\n\nThe answer is:\n\nMaren: Slept on it.", True), ("No. Answer: x", False)]
)
def test_a_yes_before_something_else_counts(answer: str, right: bool) -> None:
    assert score("match", Probe("p", 3, "Is it?", ("yes",), "accurate_retrieval"), answer).correct is right


@pytest.mark.parametrize(
    "flood", ["the answer is ", "answer:", "the " * 3 + "answer " * 3, " \n", "the answer to ", "答案", "*"]
)
def test_a_flood_is_read_in_time(flood: str) -> None:
    assert isinstance(final(flood * (200_000 // len(flood))), str)
