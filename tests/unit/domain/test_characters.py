"""Classes of characters."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpost.domain.characters import DEFAULT_IGNORABLE, is_storable


@given(st.text())
def test_text_without_nul_can_be_stored(text: str) -> None:
    assert is_storable(text) is ("\x00" not in text)


@pytest.mark.parametrize("text", ["\x00", "a\x00", "a\ud800", "\udfffb"])
def test_nul_and_lone_surrogates_cannot(text: str) -> None:
    assert not is_storable(text)


def test_there_are_4174_default_ignorables() -> None:
    ignorable = re.compile(f"[{DEFAULT_IGNORABLE}]")

    found = [code for code in range(0x110000) if ignorable.match(chr(code))]

    assert len(found) == 4174
    assert all(unicodedata.category(chr(code)) in {"Cf", "Mn", "Lo", "Cn"} for code in found)
