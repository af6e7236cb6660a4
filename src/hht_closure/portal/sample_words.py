"""The words that the sample portal's people and messages are made of; none of them is anybody's.

Numbers: Chinese ones are all in the block +86 199 0000, in which no subscriber is served; British ones in
+44 7700 900, which Ofcom keeps for drama. E-mail addresses stand under the names of RFC 2606.
"""

from __future__ import annotations

from random import Random
from typing import Final, Literal

import attrs

Language = Literal["zh-CN", "en"]

_CHINESE_SURNAMES: Final = (
    ("王", "wang"), ("李", "li"), ("张", "zhang"), ("刘", "liu"), ("陈", "chen"), ("杨", "yang"), ("赵", "zhao"),
    ("黄", "huang"), ("周", "zhou"), ("吴", "wu"), ("徐", "xu"), ("孙", "sun"), ("胡", "hu"), ("朱", "zhu"),
    ("高", "gao"), ("林", "lin"), ("何", "he"), ("郭", "guo"), ("马", "ma"), ("罗", "luo"), ("梁", "liang"),
)  # fmt: skip
_CHINESE_GIVEN: Final = (
    ("伟", "wei"), ("芳", "fang"), ("秀英", "xiuying"), ("敏", "min"), ("静", "jing"), ("丽", "li"), ("强", "qiang"),
    ("磊", "lei"), ("军", "jun"), ("洋", "yang"), ("艳", "yan"), ("勇", "yong"), ("杰", "jie"), ("娟", "juan"),
    ("涛", "tao"), ("明", "ming"), ("超", "chao"), ("晓东", "xiaodong"), ("雨桐", "yutong"), ("子涵", "zihan"),
    ("建国", "jianguo"), ("思远", "siyuan"), ("嘉怡", "jiayi"), ("浩然", "haoran"),
)  # fmt: skip
_ENGLISH_GIVEN: Final = (
    "Alice", "Ben", "Clara", "David", "Emma", "Frank", "Grace", "Henry", "Isla", "Jack", "Kate", "Liam", "Maya",
    "Noah", "Olivia", "Peter", "Rose", "Sam", "Tessa", "Will",
)  # fmt: skip
_ENGLISH_SURNAMES: Final = (
    "Adams", "Baker", "Carter", "Dixon", "Ellis", "Foster", "Grant", "Hughes", "Irving", "Jones", "Kelly", "Lloyd",
    "Morgan", "Norton", "Owens", "Parker", "Reed", "Shaw", "Turner", "Walsh",
)  # fmt: skip
_MAIL_HOSTS: Final = ("example.com", "example.net", "example.org")
_NUMBERS: Final[dict[Language, tuple[str, int]]] = {"zh-CN": ("+861990000", 10_000), "en": ("+447700900", 1_000)}
FIRST_COMMON_NUMBER: Final = 10
"""Numbers below belong to one user each, so that they can be searched for."""

_CITIES: Final[dict[Language, tuple[str, ...]]] = {
    "zh-CN": ("北京", "上海", "广州", "成都", "西安", "杭州", "武汉", "昆明", "哈尔滨", "厦门"),
    "en": ("London", "Leeds", "Bristol", "Cardiff", "Glasgow", "Belfast", "York", "Bath"),
}
_SIGNATURES: Final[dict[Language, tuple[str, ...]]] = {
    "zh-CN": ("慢慢来，比较快。", "今天也要好好吃饭", "在路上", "有事请留言", "山高水长", "愿你一切都好"),
    "en": ("Out walking.", "Back on Monday", "Tea first.", "One thing at a time", "Gone fishing"),
}
_SENTENCES: Final[dict[Language, tuple[str, ...]]] = {
    "zh-CN": (
        "{day}{hour}点在{place}见，别忘了带{thing}。",
        "我到{place}了，你还有多久？",
        "{thing}已经买好了，一共{number}块，{day}给你带过去。",
        "妈说{day}回家吃饭，问你来不来。",
        "{place}今天人好多，排了{number}分钟的队。",
        "收到，{day}{hour}点之前发给你。",
        "你的{thing}落在我这儿了，{day}去{place}的时候还你。",
        "哈哈哈，上次在{place}拍的照片我找到了，一共{number}张。",
        "生日快乐！{day}请你在{place}吃饭。",
        "信号不太好，{hour}点再打给你。",
    ),
    "en": (
        "See you at {place} {day} at {hour}, and bring {thing}.",
        "I'm at {place} already, how long will you be?",
        "Got {thing} for {number} pounds, I'll bring it over {day}.",
        "Mum asks whether you are coming for dinner {day}.",
        "So many people at {place}, I queued for {number} minutes.",
        "Thanks, you'll have it {day} before {hour}.",
        "You left {thing} at mine; I'll give it back {day}.",
        "Found the photos from {place}, all {number} of them!",
        "Happy birthday! Lunch at {place} {day} is on me.",
        "Bad signal here, I'll call again at {hour}.",
    ),
}
_DAYS: Final[dict[Language, tuple[str, ...]]] = {
    "zh-CN": ("今天", "明天", "后天", "周五", "周六", "周日", "下周一", "下周三"),
    "en": ("today", "tomorrow", "on Friday", "on Saturday", "on Sunday", "next Monday", "next Wednesday"),
}
_PLACES: Final[dict[Language, tuple[str, ...]]] = {
    "zh-CN": ("南门", "图书馆", "地铁站", "老火锅店", "公园东门", "单位楼下", "菜市场", "电影院", "体育馆", "茶馆"),
    "en": ("the station", "the library", "the park gate", "the market", "the cinema", "the tea room", "the gym"),
}
_THINGS: Final[dict[Language, tuple[str, ...]]] = {
    "zh-CN": ("雨伞", "充电器", "钥匙", "身份证复印件", "月饼", "水果", "门票", "那本书", "围巾", "药"),
    "en": ("the umbrella", "your charger", "the keys", "the tickets", "that book", "the scarf", "some fruit"),
}
PRODUCTS: Final[dict[Language, tuple[str, ...]]] = {
    "zh-CN": ("30GB 流量包", "SIM 卡补换", "国际漫游包", "家庭宽带 500M", "智能网关", "来电显示年费"),
    "en": ("30 GB data pack", "replacement SIM card", "roaming pack", "home broadband 500M", "smart gateway"),
}


@attrs.frozen(kw_only=True)
class Character:
    """Somebody who does not exist: a name, and what a login name is made from."""

    name: str = attrs.field(repr=False)
    stem: str = attrs.field(repr=False)


def character(rng: Random, language: Language) -> Character:
    """A name as people have them where that language is spoken."""
    if language == "zh-CN":
        (surname, surname_latin), (given, given_latin) = rng.choice(_CHINESE_SURNAMES), rng.choice(_CHINESE_GIVEN)
        return Character(name=surname + given, stem=surname_latin + given_latin)
    given, surname = rng.choice(_ENGLISH_GIVEN), rng.choice(_ENGLISH_SURNAMES)
    return Character(name=f"{given} {surname}", stem=f"{given}.{surname}".lower())


def phone_number(number: int, language: Language) -> str:
    """A number in E.164 that reaches nobody; when all are used up, they come again from the first common one on."""
    prefix, there_are = _NUMBERS[language]
    if number >= there_are:
        number = FIRST_COMMON_NUMBER + number % (there_are - FIRST_COMMON_NUMBER)
    return f"{prefix}{number:0{len(str(there_are - 1))}d}"


def mail_address(rng: Random, login_name: str) -> str:
    """An address under a name that RFC 2606 keeps for examples."""
    return f"{login_name}@{rng.choice(_MAIL_HOSTS)}"


def city(rng: Random, language: Language) -> str:
    """Where somebody lives."""
    return rng.choice(_CITIES[language])


def signature(rng: Random, language: Language) -> str:
    """What somebody writes under the nickname."""
    return rng.choice(_SIGNATURES[language])


def sentence(rng: Random, language: Language) -> str:
    """One chat message."""
    return rng.choice(_SENTENCES[language]).format(
        day=rng.choice(_DAYS[language]),
        place=rng.choice(_PLACES[language]),
        thing=rng.choice(_THINGS[language]),
        hour=7 + int(rng.random() * 14),
        number=2 + int(rng.random() * 97),
    )
