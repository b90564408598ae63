"""Which hashtags there are in a text, and which spellings are the same one.

Properties first, a slow reference that follows the rules word by word, then examples of each rule,
then the conformance cases of others, where `HASHPOST_SHARED` says they are.
"""

import json
import os
import time
import unicodedata
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from hashpost.domain.hashtag import KEY_LIMIT, Hashtag, extract, key, names, parse, parse_prefix
from hashpost.domain.post import text_faults
from hashpost.testing.strategies import (
    hashtag_texts,
    hashtags,
    post_texts,
    signs,
    texts,
    worst_texts,
)
from tests.unit.domain import reference_hashtags

# Written out once more: a test that reads them from the domain would not miss one.
SIGN = "#\uff03\ufe5f"
MEDIAL = "\u00b7\u0387\u2027\u30fb\uff65\u30a0\u05be\u05f4\u301c\uff5e\u200c\ufe0e\ufe0f"
ALSO_CONTINUE = "\u05f3\u0f0b\u0f0c\u200d\u3003\u309b\u309c"

any_texts = st.one_of(texts(), hashtag_texts(), post_texts())


def rows(text: str) -> list[tuple[str, str, int, int]]:
    return [(each.name, each.display, each.start, each.end) for each in extract(text)]


def displays(text: str) -> list[str]:
    return [each.display for each in extract(text)]


def moved(hashtag: Hashtag, *, by: int) -> Hashtag:
    return Hashtag(hashtag.name, hashtag.display, hashtag.start + by, hashtag.end + by)


class TestProperties:
    @given(any_texts)
    def test_a_span_holds_a_sign_and_the_display_form(self, text: str) -> None:
        found = extract(text)

        assert [text[each.start + 1 : each.end] for each in found] == displays(text)
        assert {text[each.start] for each in found} <= set(SIGN)

    @given(any_texts)
    def test_occurrences_come_in_order_and_do_not_overlap(self, text: str) -> None:
        found = extract(text)

        assert all(before.end <= after.start for before, after in pairwise(found))

    @given(any_texts)
    def test_the_name_is_the_key_of_the_display_form(self, text: str) -> None:
        found = extract(text)

        assert [key(each.display) for each in found] == [each.name for each in found]

    @given(any_texts)
    def test_names_are_unique_and_in_order_of_first_occurrence(self, text: str) -> None:
        keys = [each.name for each in extract(text)]

        assert sorted(set(keys), key=keys.index) == list(names(text))

    @given(st.one_of(texts(), st.text()))
    @example("i\u0307\u0301\u0307")
    @example("\u0345\u1dc5\uff9f")
    def test_the_key_of_a_key_is_that_key(self, name: str) -> None:
        assert key(key(name)) == key(name)

    @given(any_texts)
    def test_a_key_behind_a_sign_gives_that_key_back(self, text: str) -> None:
        keys = names(text)

        assert [rows(f"#{name}") for name in keys] == [
            [(name, name, 0, 1 + len(name))] for name in keys
        ]

    @given(any_texts, any_texts)
    @example("x", ".com/#a")
    @example("https:", "//x#a")
    def test_what_stands_on_one_line_says_nothing_about_the_next(self, a: str, b: str) -> None:
        after = [moved(each, by=len(a) + 1) for each in extract(b)]

        assert extract(f"{a}\n{b}") == (*extract(a), *after)

    @given(any_texts)
    def test_a_display_form_is_one_whole_hashtag(self, text: str) -> None:
        found = extract(text)

        assert [parse(each.display) for each in found] == [each.name for each in found]

    @given(hashtags())
    def test_one_whole_hashtag_is_found_where_it_stands_alone(self, hashtag: str) -> None:
        assert rows(f"({hashtag})") == [(parse(hashtag), hashtag[1:], 1, 1 + len(hashtag))]

    @given(hashtags(), signs())
    def test_the_sign_makes_no_difference(self, hashtag: str, sign: str) -> None:
        assert parse(sign + hashtag[1:]) == parse(hashtag)

    @given(st.one_of(any_texts, st.text(st.sampled_from("az09AZ_é"), max_size=120)))
    @example("a" * KEY_LIMIT)
    @example("a" * (KEY_LIMIT + 1))
    @example("0" * 9)
    def test_a_spelling_is_one_hashtag_if_extraction_covers_all_of_it(self, text: str) -> None:
        assume(not text.startswith(tuple(SIGN)))
        whole = {each.end - each.start: each.name for each in extract(f"#{text}")}

        assert parse(text) == whole.get(1 + len(text))

    @given(hashtags(), st.sampled_from(["NFC", "NFD"]))
    def test_canonically_equivalent_spellings_are_one_hashtag(
        self, hashtag: str, form: str
    ) -> None:
        assume("\uff5e" not in hashtag)
        normalized = unicodedata.normalize(form, hashtag)  # type: ignore[arg-type]

        assert key(normalized) == key(hashtag)

    @given(post_texts())
    def test_generated_posts_are_valid(self, text: str) -> None:
        assert list(text_faults(text)) == []


class TestPropertiesOfPrefixes:
    @given(hashtags())
    def test_every_beginning_of_a_key_is_its_own_prefix(self, hashtag: str) -> None:
        beginnings = beginnings_of(parse(hashtag) or "")

        assert beginnings
        assert [parse_prefix(each) for each in beginnings] == beginnings

    @given(hashtags(), st.data(), signs(), st.sampled_from(["", "\u200d", "\u200c", "\ufe0f"]))
    def test_and_stands_for_itself_in_all_of_its_spellings(
        self, hashtag: str, data: st.DataObject, sign: str, ignorable: str
    ) -> None:
        beginning = data.draw(st.sampled_from(beginnings_of(parse(hashtag) or "")))
        spelling = data.draw(st.sampled_from(spellings_of(beginning)))

        assert parse_prefix(spelling + ignorable) == beginning
        assert parse_prefix(sign + spelling + ignorable) == beginning

    @given(hashtags(), st.data())
    def test_what_was_typed_so_far_begins_the_key_unless_the_next_character_joins_the_last(
        self, hashtag: str, data: st.DataObject
    ) -> None:
        cuts = [end for end in range(2, len(hashtag)) if stands_alone(hashtag[end])]
        cut = data.draw(st.sampled_from(cuts or [len(hashtag)]))
        assume(cuts and set(hashtag[1:cut]) - set(f"\u0f0b\u0f0c\u200d{MEDIAL}"))

        assert (parse(hashtag) or "").startswith(parse_prefix(hashtag[:cut]) or "-")

    @given(hashtags())
    def test_what_is_typed_to_the_end_is_the_key_but_for_what_no_key_ends_with(
        self, hashtag: str
    ) -> None:
        prefix = parse_prefix(hashtag) or ""

        assert prefix.rstrip(f"\u0f0b{MEDIAL}") == parse(hashtag)

    @given(st.one_of(any_texts, st.text(max_size=3), hashtags()))
    @example("don\u00b7")
    @example("\u0f0b")
    @example("##")
    def test_a_prefix_is_what_the_key_has_before_a_letter_written_behind_it(
        self, text: str
    ) -> None:
        whole = parse(f"{text}x")
        prefix = parse_prefix(text)

        if prefix is None:
            assert whole in (None, "x")
        else:
            assert whole == f"{prefix}x" or len(prefix) == 100 or len(text) >= 400

    @given(st.one_of(any_texts, hashtags()))
    def test_the_prefix_of_a_prefix_is_that_prefix(self, text: str) -> None:
        prefix = parse_prefix(text)

        assert prefix is None or parse_prefix(prefix) == prefix

    def test_every_beginning_of_every_key_of_real_posts_is_its_own_prefix(self) -> None:
        keys = {name for post in real_posts() for name in names(post)}
        beginnings = [each for name in keys for each in beginnings_of(name)]

        assert len(beginnings) > 100_000
        assert [each for each in beginnings if parse_prefix(each) != each] == []


def beginnings_of(name: str) -> list[str]:
    return [name[:end] for end in range(1, len(name) + 1)]


def spellings_of(beginning: str) -> list[str]:
    """Itself, composed and decomposed, full-width, and in the cases that mean the same."""
    wide = beginning.translate({code: code + 0xFEE0 for code in range(0x30, 0x7B)} | {0x5F: "_"})
    cased = [beginning.upper(), beginning.title(), beginning.swapcase()]
    return [
        beginning,
        wide,
        unicodedata.normalize("NFD", beginning),
        *(each for each in cased if each.casefold() == beginning.casefold()),
    ]


def stands_alone(character: str) -> bool:
    """Whether it makes no one character with whatever stands before it."""
    first = unicodedata.normalize("NFKD", character)[0]
    is_part_of_a_syllable = "\u115f" <= first <= "\u11ff"  # or a filler that vanishes
    return unicodedata.category(first)[0] in "LN" and not is_part_of_a_syllable


class TestAgreementWithTheReference:
    @given(any_texts)
    def test_on_hard_texts(self, text: str) -> None:
        assert rows(text) == reference_hashtags.occurrences(text)

    @given(hashtag_texts(max_pieces=6))
    def test_on_short_texts_crowded_with_signs(self, text: str) -> None:
        assert rows(text) == reference_hashtags.occurrences(text)

    @given(st.text(st.sampled_from("#&a1_:/.\u00b7\u0301\u200dあ "), max_size=16))
    def test_on_a_small_alphabet_of_hard_characters(self, text: str) -> None:
        assert rows(text) == reference_hashtags.occurrences(text)

    @given(st.lists(st.sampled_from(["a", "/", ".", "co", "X", ":", "://", "8", "#a", "あ", " "])))
    def test_on_what_looks_like_a_url(self, pieces: list[str]) -> None:
        text = "".join(pieces)

        assert rows(text) == reference_hashtags.occurrences(text)

    @given(st.text(st.sampled_from("iIİı\u0307\u0323\u0301\u0345ßΣ\uff9e\u200d")))
    def test_on_keys(self, name: str) -> None:
        assert key(name) == reference_hashtags.key(name)

    def test_on_every_character_in_every_position(self) -> None:
        lines = [
            f"#{each} #a{each}b {each}#c x.yz/{each}/#d {each}.yz/#e"
            for each in map(chr, range(0x3400))
        ]

        assert [line for line in lines if rows(line) != reference_hashtags.occurrences(line)] == []

    def test_on_real_posts(self) -> None:
        posts = real_posts()

        assert [post for post in posts if rows(post) != reference_hashtags.occurrences(post)] == []


class TestEveryCharacterOfUnicode:
    def test_that_may_be_in_a_name_gives_a_key_that_is_a_name(self) -> None:
        spellings = [f"a{each}b" for each in map(chr, range(0x110000)) if in_a_name(each)]

        assert len(spellings) > 130_000
        assert [each for each in spellings if parse(key(each)) != key(each)] == []

    def test_that_may_be_in_a_name_leaves_every_beginning_of_its_key_a_prefix(self) -> None:
        characters = [each for each in map(chr, range(0x110000)) if in_a_name(each)]
        keys = {parse(name) or "" for each in characters for name in (f"a{each}b", f"{each}b")}

        assert len(keys) > 200_000
        assert [
            each for name in keys for each in beginnings_of(name) if parse_prefix(each) != each
        ] == []

    def test_that_may_not_be_in_a_name_ends_it(self) -> None:
        others = [each for each in map(chr, range(0x30000)) if not in_a_name(each)]

        assert [each for each in others if displays(f"#a{each}b")[0] != "a"] == []
        assert [each for each in others if displays(f"#a{each}b") != ["a"]] == sorted(SIGN)


def in_a_name(character: str) -> bool:
    return f"a{character}".isidentifier() or character in MEDIAL + ALSO_CONTINUE


class TestSigns:
    @pytest.mark.parametrize("sign", ["#", "\uff03", "\ufe5f"])
    def test_number_signs_of_any_width_open_a_hashtag(self, sign: str) -> None:
        assert rows(f"{sign}tag") == [("tag", "tag", 0, 4)]

    @pytest.mark.parametrize("sign", ["$", "@", "\u266f", "\u0023\ufe0f\u20e3"])
    def test_other_signs_open_none(self, sign: str) -> None:
        assert extract(f"{sign}tag") == ()

    def test_a_sign_alone_is_no_hashtag(self) -> None:
        assert extract("# #") == ()

    def test_offsets_count_code_points_with_the_sign(self) -> None:
        assert rows("😀 #𠮷b!") == [("𠮷b", "𠮷b", 2, 5)]


class TestWhatStandsBeforeASign:
    @pytest.mark.parametrize("before", ["", " ", "\n", ".", "(", "@", "。", "😀", "$"])
    def test_nothing_or_what_is_in_no_name_lets_it_open_one(self, before: str) -> None:
        assert names(f"{before}#tag") == ("tag",)

    @pytest.mark.parametrize("before", ["a", "1", "_", "é", "あ", "x\u0301", "\u05f3", "\u200d"])
    def test_a_character_of_names_does_not(self, before: str) -> None:
        assert names(f"{before}#tag") == ()

    @pytest.mark.parametrize("before", ["\u00b7", "a\u30fb", "✌\ufe0f", "\u200c"])
    def test_a_medial_does(self, before: str) -> None:
        assert names(f"{before}#tag") == ("tag",)

    def test_an_ampersand_does_not_since_it_begins_a_character_reference(self) -> None:
        assert names("&#nbsp; &#tag") == ()

    def test_another_sign_does(self) -> None:
        assert rows("##tag &##tag abc##tag") == [
            ("tag", "tag", 1, 5),
            ("tag", "tag", 8, 12),
            ("tag", "tag", 17, 21),
        ]


class TestChains:
    def test_a_sign_at_the_end_of_a_run_opens_the_next(self) -> None:
        assert rows("#a#b\uff03c") == [("a", "a", 0, 2), ("b", "b", 2, 4), ("c", "c", 4, 6)]

    def test_the_run_need_not_be_a_hashtag(self) -> None:
        assert names(f"#a#1#b #{'x' * 101}#c") == ("a", "b", "c")

    def test_a_run_ends_with_its_medials(self) -> None:
        assert rows("#a\u30fb#b") == [("a", "a", 0, 2), ("b", "b", 3, 5)]

    def test_a_chain_from_a_word_has_no_hashtag(self) -> None:
        assert names("abc#def#ghi &#jkl#mno") == ()

    def test_a_sign_without_a_run_begins_no_chain(self) -> None:
        assert names("#\u0301#a #\u200d#b") == ()


class TestRuns:
    @pytest.mark.parametrize(
        "name",
        [
            "café",
            "hag\u0303ua",
            "カタカナ",
            "ผ\u0e39\u0e49เร\u0e34\u0e48ม",
            "ශ\u0dca\u200dර\u0dd3",
            "\u05d5\u05db\u05d5\u05f3",
            "བ\u0f7cད\u0f0bས\u0f90ད",
            "各\u3003",
            "1st",
            "_a",
            "a_",
            "Ⅷ",
            "𖼄\U00016f51",
        ],
    )
    def test_letters_marks_digits_and_connectors_are_in_a_name(self, name: str) -> None:
        assert displays(f"#{name}") == [name]

    @pytest.mark.parametrize("medial", MEDIAL)
    def test_a_medial_stands_between_name_characters_only(self, medial: str) -> None:
        assert displays(f"#a{medial}b #a{medial} #{medial}a") == [f"a{medial}b", "a"]

    @pytest.mark.parametrize(
        "end",
        ["-", "+", ".", "'", "@", "\u2019", "\u2013", "\u200b", "\u00b2", "🦋", "\x00"],
    )
    def test_anything_else_ends_it(self, end: str) -> None:
        assert displays(f"#tag{end}x") == ["tag"]

    @pytest.mark.parametrize("first", ["\u0301", "\u20e3", "\ufe0f", "\u0e31", "\u05b8"])
    def test_a_mark_belongs_to_the_sign_before_it(self, first: str) -> None:
        assert extract(f"#{first}tag") == ()

    @pytest.mark.parametrize("first", ["\u200d", "\u200c", "\u115f", "\u3164", "\uffa0", "\u034f"])
    def test_a_run_does_not_begin_with_what_cannot_be_seen(self, first: str) -> None:
        assert extract(f"#{first}tag") == ()

    def test_a_space_behind_the_sign_is_no_name(self) -> None:
        assert extract("# tag #\u3000tag") == ()


class TestSchemesGluedToAName:
    @pytest.mark.parametrize("scheme", ["http", "https", "HTTP", "HttpS"])
    def test_are_cut_off(self, scheme: str) -> None:
        assert rows(f"#tag{scheme}://t.co/x") == [("tag", "tag", 0, 4)]

    def test_leave_nothing_of_a_sign_before_a_url(self) -> None:
        assert extract("#http://x.yz #https://x.yz") == ()

    def test_are_cut_off_once(self) -> None:
        assert displays("#httphttps://x #httpshttp://x") == ["http", "https"]

    def test_take_medials_at_the_new_end_along(self) -> None:
        assert displays("#tag\u30fbhttps://x #tag\u30fbhttps\u30fb://x") == ["tag", "tag"]

    def test_are_part_of_the_name_without_colon_and_slashes(self) -> None:
        assert displays("#tonyhttp #http #https:/ #http:x") == ["tonyhttp", "http", "https", "http"]

    def test_may_be_none_that_the_web_has(self) -> None:
        assert displays("#tagftp://x#y #http\u017f://x") == ["tagftp", "http\u017f"]


class TestUrls:
    @pytest.mark.parametrize(
        "url",
        [
            "https://x.yz/#no",
            "http://localhost/#no",
            "gopher9://#no",
            "x.yz/#no",
            "x.co.uk/a/b?c=#no&d=#no",
            "X.YZ/#no",
            "x.yz:8080/#no",
            f"x.{'a' * 24}/#no",
            f"X.{'A' * 24}/#no",
            "x.yz/#/#no",
            "例.jp/#no",
            "😀.ws/#no",
            "https://x.yz/(a)_[b]~c!$'*+,;=:@%20/#no",
            "https://x.yz/ру/日本/佐々/𠮷/#no",
            "https://x.yz/\u0627\u060c#no",
            "いまhttp://x.yz/#no",
            "x,https://x.yz/#no",
        ],
    )
    def test_no_sign_inside_counts(self, url: str) -> None:
        assert extract(url) == ()

    @pytest.mark.parametrize(
        "text",
        [
            "docs/#yes",
            "and/or/#yes",
            "U.S./#yes",
            "x.y/#yes",
            "x.Yz/#yes",
            f"x.{'a' * 25}/#yes",
            "x.yz?#yes",
            "x.yz:/#yes",
            "x.yz:8o/#yes",
            ".yz/#yes",
            " .yz/#yes",
            "-.yz/#yes",
            "_.yz/#yes",
            "\x7f.yz/#yes",
            "\x9f.yz/#yes",
            "\u3000.yz/#yes",
            "://#yes",
            "あ://#yes",
            "_://#yes",
            "a:/#yes",
        ],
    )
    def test_what_only_looks_like_one_hides_no_hashtag(self, text: str) -> None:
        assert names(text) == ("yes",)

    @pytest.mark.parametrize(
        "end",
        list(
            ' \n\t<>"\\^`{|}\x00\x7f\u00a0×\u1680\u2026\u2019\u2060€→❤'
            "\u3000、。」\ufe0f\uff09\uff01😀"
        ),
    )
    def test_end_with_what_no_url_has(self, end: str) -> None:
        assert names(f"https://x.yz/a{end}#yes x.yz/a{end}#yes") == ("yes",)
        assert len(extract(f"https://x.yz/a{end}#yes x.yz/a{end}#yes")) == 2

    def test_may_follow_a_name_at_once(self) -> None:
        assert rows("#tag.com/#no #tag://x#no") == [("tag", "tag", 0, 4), ("tag", "tag", 13, 17)]

    def test_begin_and_end_as_often_as_they_like(self) -> None:
        assert names("x.yz/#n #a https://x/#n|#b x.yz/<#c") == ("a", "b", "c")


class TestKeys:
    @pytest.mark.parametrize(
        ("spelling", "name"),
        [
            ("CafÉ", "café"),
            ("cafe\u0301", "café"),
            ("\u212bngström", "ångström"),
            ("GROẞ", "gross"),
            ("\uff26\uff55\uff4c\uff4c", "full"),
            ("Ⅷ", "viii"),
            (
                "Σίσυφος",
                "σίσυφοσ",
            ),
            ("α\u0345\u0301", "άι"),
            ("は\u0345\uff9f", "はι\u309a"),
            ("\uff76\uff9e", "ガ"),
            ("\u1112\u1161\u11ab", "한"),
            ("ㅋㅠ", "큐"),
            ("ꭳ", "Ꭳ"),
            ("i\u0140lusió", "il\u00b7lusió"),
            ("\u0958", "क\u093c"),
        ],
    )
    def test_fold_case_width_and_composition(self, spelling: str, name: str) -> None:
        assert key(spelling) == name

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("año", "ano"),
            ("ın", "in"),
            ("ел", "ёл"),
            ("\u0645\u064e", "\u0645"),
            ("a\u2027b", "a\u00b7b"),
            ("a_", "a"),
            ("𠮷", "吉"),
        ],
    )
    def test_keep_what_readers_tell_apart(self, one: str, other: str) -> None:
        assert key(one) != key(other)

    @pytest.mark.parametrize(
        ("spelling", "name"),
        [
            ("メ\uff5eテレ", "メ\u301cテレ"),
            ("か\u309bき", "がき"),
            ("は\u309cん", "ぱん"),
        ],
    )
    def test_take_for_one_what_japanese_keyboards_give(self, spelling: str, name: str) -> None:
        assert key(spelling) == name

    @pytest.mark.parametrize(
        ("spelling", "name"),
        [
            ("İn", "in"),
            ("I\u0307n", "in"),
            ("i\u0307\u0307\u0307", "i"),
            ("İ\u200d\u0307\u0301", "í"),
            ("İ\u0323", "ị\u0307"),
            ("a\u0307", "ȧ"),
        ],
    )
    def test_drop_the_dot_that_turkish_leaves_on_an_i(self, spelling: str, name: str) -> None:
        assert key(spelling) == name

    @pytest.mark.parametrize(
        "ignorable", "\u00ad\u034f\u115f\u180b\u200d\u3164\ufe0f\uffa0\ufff0\U000e0020\U000e0100"
    )
    def test_drop_what_cannot_be_seen(self, ignorable: str) -> None:
        assert key(f"a{ignorable}b") == "ab"

    @pytest.mark.parametrize("edge", [*MEDIAL, "\u0f0b", "\u0f0c"])
    def test_have_no_medial_and_no_tsheg_at_either_end(self, edge: str) -> None:
        assert key(f"{edge}{edge}a{edge}{edge}") == "a"

    def test_of_an_empty_name_is_empty(self) -> None:
        assert key("") == ""


class TestWhatMakesAHashtag:
    @pytest.mark.parametrize("name", ["1", "1_2", "_", "\u3003", "\u0663", "\u0967_1", "\uff11"])
    def test_a_letter_must_be_in_it(self, name: str) -> None:
        assert extract(f"#{name}") == ()

    @pytest.mark.parametrize("name", ["1a", "\u3003各", "_ก", "Ⅰ", "ー", "々"])
    def test_one_letter_will_do(self, name: str) -> None:
        assert displays(f"#{name}") == [name]

    @pytest.mark.parametrize("name", ["\uff9ea", "\u0e33a", "\u309ba", "\u0f0b\u0f90ཀ"])
    def test_its_key_does_not_begin_with_a_mark(self, name: str) -> None:
        assert extract(f"#{name}") == ()

    @pytest.mark.parametrize("name", ["\u0f0b", "\u0f0b\u0f0c", "_\u200d"])
    def test_something_must_be_left_of_its_key(self, name: str) -> None:
        assert extract(f"#{name}") == ()

    def test_a_key_of_100_code_points_is_the_longest(self) -> None:
        assert names(f"#{'a' * 100}") == ("a" * 100,)
        assert names(f"#{'a' * 101} #b") == ("b",)

    def test_the_key_is_measured_and_not_the_display_form(self) -> None:
        assert names("#" + "ß" * 50 + " #" + "e\u0301" * 100) == ("ss" * 50, "é" * 100)
        assert names("#" + "ß" * 51 + " #" + "e\u0301" * 101) == ()

    def test_a_display_form_of_400_code_points_is_the_longest(self) -> None:
        assert displays("#a" + "\u200d" * 399) == ["a" + "\u200d" * 399]
        assert displays("#a" + "\u200d" * 400) == []

    def test_what_is_cut_off_the_name_does_not_make_it_too_long(self) -> None:
        name = "a" + "\u200d" * 399

        assert displays(f"#{name}\u30fb\u30fb #{name}https://x") == [name, name]


class TestParsing:
    @pytest.mark.parametrize("spelling", ["Café", "#CAFÉ", "\uff03cafe\u0301", "\ufe5fcafé"])
    def test_gives_the_key_of_one_hashtag_with_or_without_a_sign(self, spelling: str) -> None:
        assert parse(spelling) == "café"

    @pytest.mark.parametrize(
        "spelling",
        [
            "",
            "#",
            "1",
            "a b",
            "a#b",
            "##a",
            " a",
            "a ",
            "a-b",
            "a\u30fb",
            "\u0301a",
            "a" * 101,
            "\ud800",
        ],
    )
    def test_gives_none_for_anything_else(self, spelling: str) -> None:
        assert parse(spelling) is None


class TestPrefixes:
    @pytest.mark.parametrize(
        "spelling",
        ["Caf", "#CAF", "\uff03caf", "\ufe5f\uff23\uff41f", "caf\u200d", "\uff43af\ufe0f"],
    )
    def test_may_be_in_any_spelling_with_or_without_a_sign(self, spelling: str) -> None:
        assert parse_prefix(spelling) == "caf"

    @pytest.mark.parametrize(
        ("spelling", "prefix"),
        [
            ("2024", "2024"),
            ("_", "_"),
            ("\u3003", "\u3003"),
            ("\u0663", "\u0663"),
            ("don\u00b7", "don\u00b7"),
            ("Don\u0387", "don\u00b7"),
            ("\u0140", "l\u00b7"),
            ("ナ\uff65", "ナ\u30fb"),
            ("メ\uff5e", "メ\u301c"),
            ("བ\u0f7cད\u0f0b", "བ\u0f7cད\u0f0b"),
            ("\u0f0bཀ", "ཀ"),
        ],
    )
    def test_need_no_letter_yet_and_keep_what_only_stands_inside_a_key(
        self, spelling: str, prefix: str
    ) -> None:
        assert parse_prefix(spelling) == prefix

    @pytest.mark.parametrize(
        ("typed", "name"),
        [
            ("e\u0301", "élan"),
            ("\u1112\u1161", "하늘"),
            ("ㅎ", "ㅎㅎ"),
            ("は\u309b", "ばら"),
            ("\uff8a\uff9e", "バラ"),
            ("क", "क्षमा"),
            ("क\u094d\u200d", "क्षमा"),
        ],
    )
    def test_take_what_is_composed_by_now_as_one(self, typed: str, name: str) -> None:
        assert (parse(name) or "").startswith(parse_prefix(typed) or "-")

    @pytest.mark.parametrize(
        ("typed", "name"),
        [("e", "élan"), ("ㅎ", "하늘"), ("하", "한국"), ("は", "ばら"), ("donald\u00b7", "donald")],
    )
    def test_begin_no_key_of_which_their_last_character_is_only_a_part(
        self, typed: str, name: str
    ) -> None:
        assert not (parse(name) or "").startswith(parse_prefix(typed) or "")

    @pytest.mark.parametrize(
        "spelling",
        [
            "", "#", "##a", "#a#b", " a", "a ", "a b", "a-b", "a.", "\u0301a", "\u200da", "\u3164",
            "\u30fba", "\u0f0b", "\u0f0b\u0f0c", "\u0f0b\u0f90ཀ", "\uff9ea", "\u309b", "\u0e33a",
            "\x00", "a\x00", "\ud800", "😀", "%", "a" * 101, "ß" * 51, "a" + "\u200d" * 400,
        ],
    )  # fmt: skip
    def test_are_none_where_no_hashtag_begins_so(self, spelling: str) -> None:
        assert parse_prefix(spelling) is None

    def test_are_as_long_as_keys_and_hashtags_may_be(self) -> None:
        assert parse_prefix("#" + "ß" * 50) == "ss" * 50
        assert parse_prefix("#a" + "\u200d" * 399) == "a"


class TestTime:
    @pytest.mark.parametrize("text", worst_texts(200_000).values(), ids=worst_texts(0))
    def test_is_linear_in_the_worst_of_texts(self, text: str) -> None:
        start = time.process_time()

        extract(text)

        # A tenth of it is enough for the slowest; what is quadratic takes minutes.
        assert time.process_time() - start < 5


def shared_data(name: str) -> Path | None:
    shared = os.environ.get("HASHPOST_SHARED")
    path = Path(shared or "", "data", name)
    return path if shared and path.exists() else None


def real_posts() -> list[str]:
    path = shared_data("posts.jsonl")
    if path is None:
        pytest.skip("real posts are not at $HASHPOST_SHARED/data/posts.jsonl")
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def conformance_cases() -> list[Any]:
    path = shared_data("hashtag_cases.json")
    if path is None:
        reason = "conformance cases are not at $HASHPOST_SHARED/data/hashtag_cases.json"
        return [pytest.param({}, marks=pytest.mark.skip(reason=reason))]
    cases = json.loads(path.read_text(encoding="utf-8"))
    return [pytest.param(case, id=case["id"]) for case in cases]


@pytest.mark.parametrize("case", conformance_cases())
def test_it_conforms(case: dict[str, Any]) -> None:
    first = {each.name: each for each in reversed(extract(case["text"]))}
    unique = [first[name] for name in names(case["text"])]

    assert [each.name for each in unique] == case["expected"]
    assert [each.display for each in unique] == case["display"]
    assert [[each.start, each.end] for each in unique] == case["spans"]
