"""What a hashtag is, a second time: slow, and rule by rule, to check the fast one against.

Nothing here is shared with `hashpost.domain.hashtag`: no pattern, no table, no helper. It walks
over the text character by character and asks of each what one rule asks.
"""

import string
import unicodedata

SIGNS = {0x0023, 0xFF03, 0xFE5F}

# Only between characters of a name.
MEDIALS = {
    0x00B7, 0x0387, 0x2027, 0x30FB, 0xFF65, 0x30A0, 0x05BE, 0x05F4, 0x301C, 0xFF5E, 0x200C, 0xFE0E,
    0xFE0F,
}  # fmt: skip

# In a name, though not in XID_Continue.
EXTRAS = {0x05F3, 0x0F0B, 0x0F0C, 0x200D, 0x3003, 0x309B, 0x309C}

# Told from the other side than in the domain: the blocks that hold no letters.
BLOCKS_OF_NO_URL = [
    (0x2000, 0x2BFF),  # general punctuation to miscellaneous symbols and arrows
    (0x2E00, 0x3004),  # supplemental punctuation, radicals, CJK punctuation but 々〆〇
    (0x3008, 0x303F),
    (0x31C0, 0x31EF),  # strokes
    (0x3200, 0x33FF),  # enclosed letters, squared words
    (0x4DC0, 0x4DFF),  # hexagrams
    (0xD800, 0xF8FF),  # surrogates, private use
    (0xFE00, 0xFE6F),  # variation selectors, vertical, half-mark and small forms
    (0xFEFD, 0xFFFF),  # byte order mark, half-width and full-width forms, specials
    (0x1C000, 0x1DEFF),  # legacy computing, music, mathematics, signs of writing
    (0x1EE00, 0x1FFFF),  # Arabic mathematics, emoji
    (0x40000, 0x10FFFF),
]


def occurrences(text: str) -> list[tuple[str, str, int, int]]:
    """Name, display form, start and end of every hashtag, in code points, in order."""
    in_url = positions_in_urls(text)
    found = []
    ends_of_runs = set()
    for position in range(len(text)):
        if not is_sign(text[position]) or position in in_url:
            continue
        if not (opens(text, position) or position in ends_of_runs):
            continue
        run = run_from(text, position + 1)
        if run == "":
            continue
        end_of_run = position + 1 + len(run)
        ends_of_runs.add(end_of_run)
        display = display_of(run, text[end_of_run:])
        if is_hashtag(display):
            found.append((key(display), display, position, position + 1 + len(display)))
    return found


def is_sign(character: str) -> bool:
    """SIGN: what may open a hashtag."""
    return ord(character) in SIGNS


def is_medial(character: str) -> bool:
    """MEDIAL: in a name, but neither first nor last."""
    return ord(character) in MEDIALS


def is_continue(character: str) -> bool:
    """CONTINUE: XID_Continue without MEDIAL, and some more."""
    if is_medial(character):
        return False
    return f"x{character}".isidentifier() or ord(character) in EXTRAS


def opens(text: str, position: int) -> bool:
    """Whether what stands before lets a sign open one: nothing, or neither CONTINUE nor `&`."""
    if position == 0:
        return True
    before = text[position - 1]
    return before != "&" and not is_continue(before)


def run_from(text: str, start: int) -> str:
    """The longest string of CONTINUE and MEDIAL, if its first character can stand alone."""
    if start == len(text):
        return ""
    first = text[start]
    if not is_continue(first) or is_mark(first) or is_default_ignorable(first):
        return ""
    end = start
    while end < len(text) and (is_continue(text[end]) or is_medial(text[end])):
        end += 1
    return text[start:end]


def display_of(run: str, following: str) -> str:
    """The run without trailing MEDIAL and, where `://` follows, without a scheme."""
    name = without_trailing_medials(run)
    if following[:3] == "://":
        for scheme in ("https", "http"):
            if name[-len(scheme) :].lower() == scheme:
                return without_trailing_medials(name[: -len(scheme)])
    return name


def without_trailing_medials(name: str) -> str:
    """The name up to its last CONTINUE."""
    while name and is_medial(name[-1]):
        name = name[:-1]
    return name


def positions_in_urls(text: str) -> set[int]:
    """Where a sign does not count, since it is part of a URL."""
    inside: set[int] = set()
    for start in range(1, len(text)):
        position = after_url_start(text, start)
        if position == -1:
            continue
        while position < len(text) and is_url_character(text[position]):
            position += 1
        inside.update(range(start, position))
    return inside


def after_url_start(text: str, start: int) -> int:
    """Where `://`, `.tld/` or `.tld:port/` ends that begins a URL at `start`, or -1."""
    before = text[start - 1]
    if text[start : start + 3] == "://":
        return start + 3 if before in string.ascii_letters + string.digits else -1
    if text[start] != "." or before.isspace() or before in string.punctuation:
        return -1
    if unicodedata.category(before) == "Cc":
        return -1
    return after_tld(text, start + 1)


def after_tld(text: str, start: int) -> int:
    """Where `tld/` or `tld:port/` ends, or -1: 2 to 24 ASCII letters, all of one case."""
    position = start
    while position < len(text) and text[position] in string.ascii_letters:
        position += 1
    tld = text[start:position]
    if not 2 <= len(tld) <= 24 or tld not in (tld.lower(), tld.upper()):
        return -1
    if text[position : position + 1] == ":":
        port = position + 1
        position = port
        while position < len(text) and text[position] in string.digits:
            position += 1
        if position == port:
            return -1
    return position + 1 if text[position : position + 1] == "/" else -1


def is_url_character(character: str) -> bool:
    """What RFC 3986 allows in ASCII, and letters elsewhere."""
    code = ord(character)
    if code < 0x80:
        return character in string.ascii_letters + string.digits + "-._~:/?#[]@!$&'()*+,;=%"
    if code <= 0xFF:
        return unicodedata.category(character) in ("Lu", "Ll", "Lo")
    if any(first <= code <= last for first, last in BLOCKS_OF_NO_URL):
        return False
    return not character.isspace()


def key(name: str) -> str:
    """Tailored NFKC_Casefold by its definition: map each character of NFD(name), then compose."""
    replaced = name.replace("\uff5e", "\u301c").replace("\u309b", "\u3099")
    replaced = replaced.replace("\u309c", "\u309a")
    mapped = "".join(
        folded_character(character) for character in unicodedata.normalize("NFD", replaced)
    )
    folded = unicodedata.normalize("NFC", mapped)
    while "i\u0307" in folded:
        folded = unicodedata.normalize("NFC", folded.replace("i\u0307", "i"))
    while folded and (is_medial(folded[0]) or folded[0] == "\u0f0b"):
        folded = folded[1:]
    while folded and (is_medial(folded[-1]) or folded[-1] == "\u0f0b"):
        folded = folded[:-1]
    return folded


def folded_character(character: str) -> str:
    """NFKC_Casefold of one character (DerivedNormalizationProps.txt says how it is derived)."""
    before, after = "", character
    while before != after:
        before = after
        after = unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", before).casefold())
        after = "".join(each for each in after if not is_default_ignorable(each))
    return after


def is_hashtag(display: str) -> bool:
    """Whether there is a letter in the key, no mark before it, and neither is too long."""
    if not 1 <= len(display) <= 400:
        return False
    name = key(display)
    if not 1 <= len(name) <= 100 or is_mark(name[0]):
        return False
    return any(character.isidentifier() and character != "_" for character in name)


def is_mark(character: str) -> bool:
    """Category M, a mark."""
    return unicodedata.category(character) in ("Mn", "Mc", "Me")


def is_default_ignorable(character: str) -> bool:
    """As DerivedCoreProperties.txt derives it from other properties."""
    code = ord(character)
    if code in (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2065, 0x3164, 0xFFA0):
        return True
    if 0x180B <= code <= 0x180F or 0xFE00 <= code <= 0xFE0F:  # variation selectors
        return True
    if 0xFFF0 <= code <= 0xFFF8 or 0xE0000 <= code <= 0xE0FFF:  # reserved for it
        return True
    return unicodedata.category(character) == "Cf" and not is_visible_format(code)


def is_visible_format(code: int) -> bool:
    """Format characters with a shape: signs of numbers in Arabic, annotations, hieroglyphs."""
    return (
        0x0600 <= code <= 0x0605
        or 0xFFF9 <= code <= 0xFFFB
        or 0x13430 <= code <= 0x1343F
        or code in (0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x110BD, 0x110CD)
    )
