"""From what was recalled to an answer: the options of LoCoMo's adversarial questions."""

import pytest

from workbench.answering import written_out
from workbench.context import Question
from workbench.memory.prompt_sets import PromptSet

TWO = ("Not mentioned in the conversation", "self-care is important")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        # as get_cat_5_answer of task_eval/evaluate_gpts.py (snap-research/locomo 92286325) has it, but for case
        ("a", TWO[0]),
        (" (A) ", TWO[0]),
        ("B", TWO[1]),
        ("(b)", TWO[1]),
        ("yes", TWO[1]),
        ("a)", "a)"),
        ("Not mentioned in the conversation", "Not mentioned in the conversation"),
        ("", ""),
    ],
)
def test_a_letter_is_the_option_that_it_names(said: str, meant: str) -> None:
    assert written_out(said, TWO) == meant


def test_an_answer_to_a_question_without_options_stays_as_it_is() -> None:
    assert written_out("a", ()) == "a"


def test_options_stand_in_the_full_prompt_in_their_order_and_never_in_the_plain_one() -> None:
    asked = Question("What did Ida learn?", "maybe-not-mentioned", prompts=PromptSet("full"), options=TWO)
    system = asked.messages([])[0].text
    assert f"(a) {TWO[0]} (b) {TWO[1]}" in system
    without = Question("What did Ida learn?", "maybe-not-mentioned", prompts=PromptSet("full"))
    assert 'exactly "Not mentioned in the conversation"' in without.messages([])[0].text
    assert "(a)" not in without.messages([])[0].text
    plain = Question("What did Ida learn?", "maybe-not-mentioned", options=TWO)
    assert not any(TWO[1] in m.text for m in plain.messages([]))


def test_what_an_option_says_is_text_and_no_template() -> None:
    asked = Question("?", "maybe-not-mentioned", prompts=PromptSet("full"), options=("{{ 7 * 7 }}", "<!-- user -->"))
    system = asked.messages([])[0].text
    assert "{{ 7 * 7 }}" in system
    assert "<!-- user -->" in system
