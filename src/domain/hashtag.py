"""Hashtags: which there are in a text, and when two spellings are the same one.

A declared profile of the hashtag identifiers of Unicode UAX #31 (D2, R8), agreeing with the
conformance suite of twitter-text. What a letter, digit or mark is, is the word of the Unicode
that the interpreter carries (`str.isidentifier` is XID_Start and XID_Continue): there is no table
of letters here to grow old.

Every function takes time linear in its text; see `bench/extraction.py`.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from hashpost.domain.characters import DEFAULT_IGNORABLE

SIGN = "#\uff03\ufe5f"
"""What may open a hashtag: the number sign, its full-width and its small form."""

MEDIAL = (
    "\u00b7\u0387"  # middle dot (Catalan), ano teleia (its canonical twin)
    "\u2027\u30fb\uff65"  # hyphenation point (Chinese names), katakana middle dots
    "\u30a0\u05be\u05f4"  # katakana double hyphen, maqaf, gershayim
    "\u301c\uff5e"  # wave dash, and the full-width tilde that stands in for it
    "\u200c\ufe0e\ufe0f"  # zero-width non-joiner (Persian), variation selectors
)
"""What may stand between name characters, but neither begins nor ends a name (UAX #31, Medial)."""

ALSO_CONTINUE = "\u05f3\u0f0b\u0f0c\u200d\u3003\u309b\u309c"
"""What a name may hold besides XID_Continue: geresh, tsheg, joiner, ditto, kana voicing marks."""

TSHEG = "\u0f0b"
"""The Tibetan syllable mark: part of a name, but no part of a key at its ends."""

KEY_LIMIT = 100
"""The most code points a key may have."""

DISPLAY_LIMIT = 400
"""The most code points a name may have as written; it bounds the work `key` is given."""

_NOT_AT_THE_ENDS = MEDIAL + TSHEG

_XID_START_BUT_NO_LETTER = "_"  # Python's own addition to XID_Start

_DEFAULT_IGNORABLE = re.compile(f"[{DEFAULT_IGNORABLE}]")

# A sign, and the stretch in which a run behind it ends at the latest. A stretch stops before the
# next sign: all of them together are no longer than the text, which keeps the search linear.
_SIGN_AND_STRETCH = rf"[{SIGN}]([^\s!-/:-@\[-^`{{-~{SIGN}]*)"

_URL_CHARACTER = (
    r"[!#-;=?-\[\]_a-z~"  # RFC 3986: reserved, unreserved and the percent sign
    "\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u167f\u1681-\u1fff"  # without symbols
    "\u2c00-\u2dff\u3005-\u3007\u3040-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\ud7ff"
    "\uf900-\ufdff\ufe70-\ufefc"  # compatibility ideographs, presentation forms
    "\U00010000-\U0001bfff\U0001df00-\U0001edff\U00020000-\U0003ffff]"
)
_NO_SPACE_PUNCTUATION_CONTROL = r"[^\s\x00-/:-@\[-`{-\x9f]"

# The look-behinds stand second, because a pattern that begins with one is much slower to search.
_URL = (
    r"(?::(?<=[0-9A-Za-z]:)//"
    rf"|\.(?<={_NO_SPACE_PUNCTUATION_CONTROL}\.)(?:[a-z]{{2,24}}|[A-Z]{{2,24}})(?::[0-9]+)?/)"
    rf"{_URL_CHARACTER}*"
)

_SIGNS = re.compile(_SIGN_AND_STRETCH)

# A URL takes the signs inside it along. What it matches has no group, what counts has one.
_SIGNS_OR_URLS = re.compile(f"{_URL}|{_SIGN_AND_STRETCH}")

_GLUED_SCHEME = re.compile(r"[Hh][Tt][Tt][Pp][Ss]?\Z")

_DOTTED_I = "i\u0307"

_BEFORE_FOLDING = str.maketrans(
    {
        "\uff5e": "\u301c",  # a Japanese keyboard gives either of the two
        "\u309b": "\u3099",  # NFKC would make a space and a mark of the spacing voicing marks
        "\u309c": "\u309a",
    }
)


@dataclass(frozen=True, slots=True)
class Hashtag:
    """One occurrence of a hashtag in a text.

    `name` is the key, by which hashtags are compared, stored and answered; `display` is what the
    author typed, without the sign. `start` and `end` are offsets in code points, half open, the
    sign included.
    """

    name: str
    display: str
    start: int
    end: int


def extract(text: str) -> tuple[Hashtag, ...]:
    """Every hashtag of `text`, in order.

    A sign opens one at the start, after a character that could not be part of a name, and right
    at the end of another run; inside a URL it never does.
    """
    found = []
    run_end = -1
    for sign, stretch in _signs_outside_urls(text):
        if sign == run_end or _opens_after(text[sign - 1 : sign]):
            run = _run(stretch)
            run_end = sign + 1 + len(run)
            display = _display(run, following=text[run_end : run_end + 3])
            if (name := _valid_key(display)) is not None:
                found.append(Hashtag(name, display, sign, sign + 1 + len(display)))
    return tuple(found)


def names(text: str) -> tuple[str, ...]:
    """The keys of the hashtags of `text`, each once, in order of first occurrence."""
    return tuple(dict.fromkeys(hashtag.name for hashtag in extract(text)))


def parse(spelling: str) -> str | None:
    """The key of `spelling`, if it is one whole hashtag, with or without its sign; else `None`."""
    if _is_plain_key(spelling):
        return spelling
    text = spelling if spelling.startswith(tuple(SIGN)) else SIGN[0] + spelling
    match extract(text):
        case (Hashtag(start=0, end=end) as only,) if end == len(text):
            return only.name
        case _:
            return None


def parse_prefix(spelling: str) -> str | None:
    """What the keys of all hashtags that `spelling` begins have in common, if it can begin one.

    It may be in any spelling, with or without a sign. Every beginning of a key is its own prefix
    and stands for itself in all of its spellings. Compared are code points of keys, so `e` begins
    no `é` and `하` no `한`: what is typed next may make one character with the last. Unlike in a
    key, medial characters at the end count: `don·` begins no `donald`.
    """
    run = spelling[1:] if spelling.startswith(tuple(SIGN)) else spelling
    if len(run) > DISPLAY_LIMIT or _run(run) != run:
        return None
    prefix = _folded(run).lstrip(_NOT_AT_THE_ENDS)
    return prefix if _may_begin_key(prefix) else None


def key(name: str) -> str:
    """What all spellings of one hashtag have in common: tailored NFKC_Casefold (UAX #31, R4, R5).

    Case, width and composition are folded, default-ignorable characters vanish; diacritics stay.
    Two tailorings fold what Japanese keyboards give for one sound, one makes `İ` an `i`. Total and
    idempotent; but normalization is quadratic in a run of marks, so bound what you pass in.
    """
    return _folded(name).strip(_NOT_AT_THE_ENDS)


def _is_plain_key(text: str) -> bool:
    """Whether it is a key of ASCII letters and digits: most are, and need no closer look."""
    return len(text) <= KEY_LIMIT and text.isascii() and text.isalnum() and text.islower()


def _folded(name: str) -> str:
    if name.isascii():
        return name.lower()
    # NFKC_Casefold is the fixed point of `_fold` over NFD(name), which puts marks in order before
    # a final iota among them becomes a letter. Checked against Unicode's table, character by
    # character and on random strings; folding NFKC(name) instead differs from it.
    folded = unicodedata.normalize("NFD", name.translate(_BEFORE_FOLDING))
    while (again := _fold(folded)) != folded:
        folded = again
    return folded


def _fold(name: str) -> str:
    visible = _DEFAULT_IGNORABLE.sub("", name.casefold())
    return unicodedata.normalize("NFKC", visible).replace(_DOTTED_I, "i")


def _signs_outside_urls(text: str) -> Iterator[tuple[int, str]]:
    """Where a sign stands, and the stretch behind it."""
    if not any(sign in text for sign in SIGN):
        return
    pattern = _SIGNS_OR_URLS if "/" in text else _SIGNS
    for match in pattern.finditer(text):
        stretch = match[1]
        if stretch is not None:
            yield match.start(), stretch


def _opens_after(before: str) -> bool:
    """Whether a sign opens a hashtag behind this character, or the empty string at the start."""
    return before in MEDIAL or not (before == "&" or _in_run(before))


def _run(stretch: str) -> str:
    """The run at the start of `stretch`; empty if what stands there can begin none."""
    if not stretch or not _begins_run(stretch[0]):
        return ""
    if ("a" + stretch).isidentifier():  # most are; the next line alone would do, slowly
        return stretch
    length = next((i for i, each in enumerate(stretch) if not _in_run(each)), len(stretch))
    return stretch[:length]


def _begins_run(first: str) -> bool:
    """Whether a character may come first, if it may be in a run at all."""
    # A mark belongs to the sign before it (the keycap, an accent); an ignorable hides in it.
    return not (first in MEDIAL or _is_mark(first) or _DEFAULT_IGNORABLE.match(first))


def _in_run(character: str) -> bool:
    """Whether it is CONTINUE or MEDIAL."""
    return ("a" + character).isidentifier() or character in MEDIAL or character in ALSO_CONTINUE


def _display(run: str, *, following: str) -> str:
    name = run.rstrip(MEDIAL)
    if following == "://":  # the author left out the space before a link
        name = _GLUED_SCHEME.sub("", name).rstrip(MEDIAL)
    return name


def _valid_key(display: str) -> str | None:
    if len(display) > DISPLAY_LIMIT:
        return None
    name = key(display)
    return name if _may_begin_key(name) and any(map(_is_letter, name)) else None


def _may_begin_key(prefix: str) -> bool:
    # Kana voicing marks and some vowels are letters that fold into marks: hence the last test.
    return 1 <= len(prefix) <= KEY_LIMIT and not _is_mark(prefix[0])


def _is_letter(character: str) -> bool:
    return character.isidentifier() and character != _XID_START_BUT_NO_LETTER


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")
