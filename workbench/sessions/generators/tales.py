"""Tales in which somebody hides things, in English and in Chinese, and reports of meetings. Own words."""

from __future__ import annotations

import random
from dataclasses import dataclass

from workbench.sessions.generators import pools, prose

_HIDING_PLACES = (
    "the attic", "the chimney", "the piano", "the bread bin", "the rain barrel", "the wine cellar",
    "the grandfather clock", "the hayloft", "the laundry basket", "the bell tower", "the bookcase", "the flour sack",
    "the coal bucket", "the sewing box", "the greenhouse", "the dovecote",
    "the cupboard", "the hollow tree", "the milk churn", "the well",
)  # fmt: skip
_ZH_WHO = (
    "阿明", "小芳", "老周", "阿秀", "建国", "丽华", "志强", "春梅", "文斌", "雪儿", "大伟", "桂英", "子涵", "海燕",
    "国栋", "玉兰", "家豪", "美玲", "永福", "晓东",
)  # fmt: skip
_ZH_THING = (
    "灯笼", "铜镜", "算盘", "茶壶", "砚台", "木梳", "风筝", "银锁", "画轴", "笛子", "剪刀", "蜡烛", "棋盘", "绣球",
    "葫芦", "雨伞", "酒坛", "马鞍", "铃铛", "钥匙",
)  # fmt: skip
_ZH_PLACE = (
    "阁楼", "米缸", "水井", "书柜", "地窖", "柴房", "钟楼", "马厩", "灶台", "竹篮", "衣箱", "石缝", "树洞", "船舱",
    "鸽笼", "药柜", "磨坊", "箩筐", "花盆", "屋檐",
)  # fmt: skip
_ZH_WHEN = ("清晨", "中午", "傍晚", "下雨的时候", "赶集那天", "晚饭以后", "天还没亮", "过节之前")
_ZH_SCENE = (
    "河边的人慢慢散去", "街上传来卖豆腐的声音", "几个孩子在桥上看鱼", "邻居们坐着聊天", "风把落叶吹到门口",
    "茶馆里有人说书", "木匠在修一扇旧门", "远处的山被云遮住", "渔夫收起了渔网", "学堂里的钟响了三下",
)  # fmt: skip
_ZH_FELT = ("谁也不着急", "大家都笑了", "没有人多问一句", "天气比往年暖和", "日子和从前一样", "只有猫一直醒着")

_DECIDED = (
    "paint", "sell", "repair", "insure", "measure", "move", "clean", "lend out", "photograph", "replace", "store",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Hidden:
    """Somebody has hidden a thing somewhere: as it is told, and what is asked about it."""

    who: str
    thing: str
    place: str
    told: str
    asked: str
    asked_what: str


def hidden(r: random.Random, n: int) -> list[Hidden]:
    """``n`` different ones in English, no thing and nobody's place twice."""
    pairs = r.sample([(thing, place) for thing in pools.OBJECTS for place in _HIDING_PLACES], n)
    return [
        Hidden(who, thing, place, f"{who} hid the {thing} of the family in {place}.",
               f"Where did {who} hide the {thing}?", f"What did {who} hide in {place}?")
        for who, (thing, place) in zip(pools.people(r, n), pairs, strict=True)
    ]  # fmt: skip


def hidden_zh(r: random.Random, n: int) -> list[Hidden]:
    """``n`` different ones in Chinese."""
    pairs = r.sample([(who, thing) for who in _ZH_WHO for thing in _ZH_THING], n)
    return [
        Hidden(who, thing, place, f"{who}把{thing}藏在{place}里。", f"{who}把{thing}藏在哪里？", "")
        for (who, thing), place in ((pair, r.choice(_ZH_PLACE)) for pair in pairs)
    ]


def paragraph_zh(r: random.Random, sentences: int = 4) -> str:
    """Chinese in which nobody hides anything."""
    return "".join(f"{r.choice(_ZH_WHEN)}，{r.choice(_ZH_SCENE)}，{r.choice(_ZH_FELT)}。" for _ in range(sentences))


@dataclass(frozen=True, slots=True)
class Report:
    """The minutes of a meeting: what it was about, its text, and the sentences that matter."""

    title: str
    text: str
    summary: str


def reports(r: random.Random, n: int) -> list[Report]:
    """``n`` of different meetings."""
    titles = r.sample([f"{colour} {thing}" for colour in pools.COLOURS for thing in pools.OBJECTS], n)
    return [_report(r, title) for title in titles]


def _report(r: random.Random, title: str) -> Report:
    who, things = pools.first_names(r, 3), r.sample(pools.OBJECTS, 3)
    decided = [
        f"It was decided that {name} will {r.choice(_DECIDED)} the {thing} on {r.choice(_DAYS)}."
        for name, thing in zip(who, things, strict=True)
    ]
    parts = [part for one in decided for part in (prose.sentence(r), one)]
    return Report(title, f"Minutes of the meeting about the {title}. {' '.join(parts)}", " ".join(decided))
