from dataclasses import dataclass
from typing import Literal

import pytest

from workbench import lanes
from workbench.errors import UsageError
from workbench.memory.base import MemoryStrategy


@dataclass
class Sample(MemoryStrategy):
    k: int = 10
    share: float = 0.5
    on: bool = True
    way: Literal["a", "b"] = "a"
    most: int | None = 3


@pytest.fixture(autouse=True)
def sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes.memories, "strategy", lambda name: Sample)


def test_parameters_get_their_types_and_the_name_is_the_shortest_form() -> None:
    spec = lanes.LaneSpec.parse(" sample:k=3,share=.25,on=no,way=b,most=none ")
    assert spec.strategy() == Sample(3, 0.25, False, "b", None)
    assert spec.name == "sample:k=3,share=0.25,on=false,way=b,most=none"
    assert lanes.LaneSpec.parse(spec.name) == spec
    assert lanes.LaneSpec.parse("sample+full-cache").name == "sample"
    assert spec.policy() is None


def test_a_lane_carries_its_cache_policy() -> None:
    spec = lanes.LaneSpec.parse("sample+snapkv:keep=.25,when=before-question,variant=evicted-uniform")
    policy = spec.policy()
    assert policy is not None and policy.budget(200) == 50 and policy.badge == "EVICTED uniform"
    assert spec.name == "sample+snapkv:keep=0.25,when=before-question,variant=evicted-uniform"
    assert lanes.LaneSpec.parse(spec.name) == spec


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("sample:k=x", "k is 'x'"),
        ("sample:z=1", "no parameter 'z'"),
        ("sample:k", "key=value"),
        ("sample:way=c", "one of: a, b"),
        ("sample:on=maybe", "true or false"),
        ("sample+snap", "unknown cache policy"),
        ("sample+snapkv:keep=0", "keep is 0"),
        ("sample+snapkv:keep=nan", "keep is nan"),
        ("sample+h2o:recent=2", "recent is 2"),
        ("sample+streaming-llm:start=0", "start is 0"),
        ("sample+snapkv:when=never", "one of: before-question, after-question"),
    ],
)
def test_wrong_specs_say_what_is_wrong(spec: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        lanes.LaneSpec.parse(spec)


@pytest.mark.parametrize(
    "spec", ["sample:k=-1", "sample:share=nan", "sample:share=inf", "sample:k=9999999999", "sample:most=-3"]
)
def test_numbers_have_ranges(spec: str) -> None:
    with pytest.raises(UsageError, match=r"write a number from 0 to 1,000,000,000"):
        lanes.LaneSpec.parse(spec)


def test_a_number_below_nought_where_the_method_gives_it_a_meaning() -> None:
    assert lanes.LaneSpec.parse("full+gemfilter:layer=-1").cache_params == {"layer": -1}
