"""Hypothesis strategies for texts with hashtags, from ordinary posts to what attackers send.

For your own property tests: `hashtags()` and `post_texts()` are always valid, `hashtag_texts()`
and `texts()` are hostile on purpose. Needs Hypothesis, which hashpost itself does not.
"""

from hypothesis import strategies as st

from hashpost.domain.hashtag import (
    ALSO_CONTINUE,
    DISPLAY_LIMIT,
    KEY_LIMIT,
    MEDIAL,
    SIGN,
    parse,
)

MARKS = "\u0301\u0307\u0308\u0323\u0338\u0345\u05b8\u064e\u093c\u0e31\u0e49\u1dc5\u20e3\u3099\u309a"
"""Combining marks of several classes; the keycap among them is no part of any name."""

IGNORABLES = "\u00ad\u034f\u061c\u115f\u1160\u180b\u200b\u200c\u200d\u2060\u3164\ufe0f\ufeff\uffa0"
"""Default-ignorable characters; some of them are letters and some are marks."""

TURNING_INTO_MARKS = "\u0e33\u0eb3\u309b\u309c\uff9e\uff9f"
"""Letters whose key begins with a mark."""

CASED = "aZiI\u0130\u0131sK\u212a\u017f\u00df\u1e9e\u03a3\u03c3\u03c2\u01c5\u13a3\uab73\u1c90\u10d0"
"""Letters whose case is a story: Turkish i, final sigma, long s, sharp s, Cherokee, Georgian."""

SCRIPTS = "\u00e9\u0431\u05d0\u0645\u0905\u0e01\u0f40\u304b\u30cf\u8449\uff8a\uff21\uac00\u0149"
"""A letter of many a script, composed, half-width and full-width ones among them."""

JAMO = "\u1100\u1161\u11a8\u3131\u314f\uffa1\uffc2"
"""Parts of Hangul syllables: conjoining, compatibility and half-width ones."""

ASTRAL = "\U00010414\U0001043c\U00016f04\U00016f51\U00020021\U0001d400\U000104a0\U000e0100"
"""Letters, a mark, a digit and a variation selector from beyond the basic plane."""

DIGITS = "019_\u0663\u0967\u00b2\u00bd\u2167\u2460\uff11\u3007"
"""Digits and numbers: some may be in a name, one is a letter, the rest are neither."""

BREAKS = " \n\t\u00a0\u3000\u2028&-+@.,:;/!?()'\"$%*=|~`<>[]{}\\^\x00\x1f\x7f\x85"
"""ASCII punctuation, spaces and controls: what ends a name, a URL, or both."""

SYMBOLS = (
    "\u2019\u2026\u3001\u3002\u300c\u300d\uff01\uff0c\u00d7\u20ac\u2764\u303d\U0001f600\U0001f1e9"
)
"""Punctuation and symbols from elsewhere, and emoji."""

URL_PARTS = (
    "://", "http", "https", "HtTpS", "http://", "https://", "HTTPS://t.co/Ab1", "ftp://x", "//",
    "/", ":", "www.", "x.y/", ".com/", ".CO/", ".Com/", ".c/", ".co.uk/", ".com:80/", ".com:/",
    ".COM:65535/", ".com?", f".{'a' * 24}/", f".{'a' * 25}/", f".{'Z' * 24}/", ".みんな/", "/#",
    "?#",
)  # fmt: skip
"""What URLs are made of, and what only looks like it."""

EXTREMES = (
    *("a" * length for length in (KEY_LIMIT - 1, KEY_LIMIT, KEY_LIMIT + 1)),
    *("\u00df" * length for length in (KEY_LIMIT // 2, KEY_LIMIT // 2 + 1)),
    *("a" + "\u200d" * length for length in (DISPLAY_LIMIT - 1, DISPLAY_LIMIT)),
    "a" * KEY_LIMIT + "\u30fb" * DISPLAY_LIMIT,
    "e\u0301" * KEY_LIMIT,
    *("\ufdf2" * (length // 4) for length in (KEY_LIMIT, KEY_LIMIT + 4)),
    "\u0301\u0323" * 60,
)
"""Names at the limits, and characters that fold into many."""


_MIXED_MARKS = "\u0301\u0323\u0345\u0338\u05b8\u064e"

_WORST = {
    "hashtags": ("", "#a"),
    "accented hashtags": ("", "#\u00e9"),
    "hashtags that fold twice": ("", "#\u0130"),
    "hashtags, emoji between": ("", "#a\U0001f600"),
    "hashtags, slashes between": ("", "/#a"),
    "signs": ("", "#"),
    "signs and slashes": ("", "#/"),
    "marks": ("", _MIXED_MARKS),
    "marks on a sign": ("#", _MIXED_MARKS),
    "marks in a name": ("#a", _MIXED_MARKS),
    "names full of marks": ("", "#a" + _MIXED_MARKS * 66 + " "),
    "names full of joiners": ("", "#a" + "\u200d" * (DISPLAY_LIMIT - 1) + " "),
    "names that unfold": ("", "#" + "\ufdf2" * DISPLAY_LIMIT + " "),
    "a name": ("#", "a"),
    "a name with medials": ("#", "\u3042\u30fb"),
    "a name of schemes": ("#", "http"),
    "hashtags in a URL": ("https://", "#a"),
    "hashtags glued to URLs": ("", "#ahttp:// "),
    "beginnings of URLs": ("/#", "a:/"),
    "domains": ("/#", "a.co"),
    "domains that are none": ("/#", "a." + "a" * 25),
    "a port": ("/#a.co:", "1"),
    "ports": ("/#", "a.co:1"),
}


def texts(*, max_pieces: int = 24) -> st.SearchStrategy[str]:
    """Any text at all, with a taste for what is hard; most are no valid post.

    Pieces of the hard alphabet stand between any characters of Unicode, controls and a lone
    surrogate among them.
    """
    pieces = st.one_of(_hard_pieces(), st.characters(), st.just("\ud800"))
    return st.lists(pieces, max_size=max_pieces).map("".join)


def hashtag_texts(*, max_pieces: int = 24) -> st.SearchStrategy[str]:
    """Texts crowded with signs: glued, chained, inside URLs, broken by marks, at every limit."""
    signed_pieces = st.builds(str.__add__, signs(), _hard_pieces())
    pieces = st.one_of(signed_pieces, _hard_pieces(), hashtags())
    return st.lists(pieces, min_size=1, max_size=max_pieces).map("".join)


def hashtags() -> st.SearchStrategy[str]:
    """One whole hashtag, its sign included, in any script and spelling."""
    return st.builds("".join, st.tuples(signs(), _names())).filter(_is_one_whole_hashtag)


def post_texts(*, max_words: int = 12) -> st.SearchStrategy[str]:
    """Valid texts for a post: words, links and at most `max_words` hashtags, spaces between."""
    words = st.text(st.sampled_from(SCRIPTS + CASED + "abcdefgh0123"), min_size=1, max_size=8)
    links = words.map("https://t.co/{}#part".format)
    return st.lists(st.one_of(words, links, hashtags()), min_size=1, max_size=max_words).map(
        " ".join
    )


def worst_texts(length: int) -> dict[str, str]:
    """Texts of `length` code points, by what is bad about them for those who look for hashtags.

    Time them at growing lengths: no search may take more than its share. Plain data, no strategy.
    """
    return {name: (start + again * length)[:length] for name, (start, again) in _WORST.items()}


def signs() -> st.SearchStrategy[str]:
    """What may open a hashtag: `#`, `＃` or `﹟`."""
    return st.sampled_from(SIGN)


def _hard_pieces() -> st.SearchStrategy[str]:
    characters = (
        SIGN + MEDIAL + ALSO_CONTINUE + MARKS + IGNORABLES + TURNING_INTO_MARKS + CASED + SCRIPTS
        + JAMO + ASTRAL + DIGITS + BREAKS + SYMBOLS
    )  # fmt: skip
    return st.one_of(
        st.sampled_from(SIGN),
        st.sampled_from(characters),
        st.sampled_from(URL_PARTS),
        st.sampled_from(EXTREMES),
        _names(),
    )


def _names() -> st.SearchStrategy[str]:
    letters = st.sampled_from(SCRIPTS + CASED + ASTRAL + JAMO)
    inner = st.sampled_from(
        SCRIPTS + CASED + JAMO + DIGITS + MEDIAL + ALSO_CONTINUE + MARKS + IGNORABLES + ASTRAL
    )
    return st.builds(str.__add__, letters, st.text(inner, max_size=10))


def _is_one_whole_hashtag(spelling: str) -> bool:
    return parse(spelling) is not None
