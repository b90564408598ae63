"""What keepers of secrets, and readers of addresses, must do."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hashpost.application.ports import (
    AccessTokens,
    Cursors,
    EmailAddresses,
    PasswordHasher,
    RefreshTokens,
)
from hashpost.domain.errors import Unauthenticated
from hashpost.domain.ids import MAX_ID
from hashpost.domain.session import Access
from hashpost.testing.clock import START

_ACCESS = Access(
    user_id=MAX_ID, generation=3, session_id=1, expires_at=START + timedelta(minutes=15)
)
_JUST_BEFORE = _ACCESS.expires_at - timedelta(milliseconds=1)


class PasswordHasherContract:
    """The port `PasswordHasher`. Fixture: `hasher`."""

    @pytest.mark.parametrize("password", ["correct horse", "pässwörd 🙂", "x" * 256, " ", ""])
    async def test_a_password_verifies_against_its_hash(
        self, hasher: PasswordHasher, password: str
    ) -> None:
        assert await hasher.verify(password, await hasher.hash(password))

    @pytest.mark.parametrize("wrong", ["correct hors", "Correct horse", "correct horse ", ""])
    async def test_another_password_does_not(self, hasher: PasswordHasher, wrong: str) -> None:
        assert not await hasher.verify(wrong, await hasher.hash("correct horse"))

    async def test_nothing_verifies_where_there_is_no_hash(self, hasher: PasswordHasher) -> None:
        assert not await hasher.verify("correct horse", None)

    async def test_a_hash_is_salted_and_does_not_hold_the_password(
        self, hasher: PasswordHasher
    ) -> None:
        first, second = await hasher.hash("correct horse"), await hasher.hash("correct horse")

        assert first != second
        assert "correct" not in first

    async def test_todays_hash_is_not_outdated(self, hasher: PasswordHasher) -> None:
        assert not hasher.is_outdated(await hasher.hash("correct horse"))

    async def test_the_event_loop_goes_on_meanwhile(self, hasher: PasswordHasher) -> None:
        hashing = asyncio.create_task(hasher.hash("correct horse"))
        turns = 0
        while not hashing.done():
            await asyncio.sleep(0)
            turns += 1

        assert turns > 1


class AccessTokensContract:
    """The port `AccessTokens`. Fixtures: `tokens`, and `strange_tokens` under another key."""

    def test_a_token_says_what_it_was_issued_for(self, tokens: AccessTokens) -> None:
        token = tokens.issue(_ACCESS, at=START)

        assert tokens.read(token, at=START) == _ACCESS
        assert tokens.read(token, at=_JUST_BEFORE) == _ACCESS

    def test_a_token_ends(self, tokens: AccessTokens) -> None:
        token = tokens.issue(_ACCESS, at=START)

        with pytest.raises(Unauthenticated):
            tokens.read(token, at=_ACCESS.expires_at)

    def test_two_tokens_are_never_the_same(self, tokens: AccessTokens) -> None:
        assert tokens.issue(_ACCESS, at=START) != tokens.issue(_ACCESS, at=START)

    def test_a_token_of_another_key_is_refused(
        self, tokens: AccessTokens, strange_tokens: AccessTokens
    ) -> None:
        with pytest.raises(Unauthenticated):
            tokens.read(strange_tokens.issue(_ACCESS, at=START), at=START)

    def test_a_token_with_any_character_changed_is_refused(self, tokens: AccessTokens) -> None:
        token = tokens.issue(replace(_ACCESS, user_id=7), at=START)
        changed = [
            token[:place] + ("A" if character != "A" else "B") + token[place + 1 :]
            for place, character in enumerate(token)
        ]

        accepted = [other for other in changed if _accepts(tokens, other)]

        assert accepted == []

    @pytest.mark.parametrize("junk", ["", ".", "..", "a.b.c", "é.é.é", "x" * 100_000, "\x00"])
    def test_junk_is_refused(self, tokens: AccessTokens, junk: str) -> None:
        with pytest.raises(Unauthenticated):
            tokens.read(junk, at=START)

    @pytest.mark.parametrize("tail", ["=", " ", "\n", ".", "A"])
    def test_a_token_has_one_spelling_only(self, tokens: AccessTokens, tail: str) -> None:
        with pytest.raises(Unauthenticated):
            tokens.read(tokens.issue(_ACCESS, at=START) + tail, at=START)


def _accepts(tokens: AccessTokens, token: str) -> bool:
    try:
        tokens.read(token, at=START)
    except Unauthenticated:
        return False
    return True


class RefreshTokensContract:
    """The port `RefreshTokens`. Fixtures: `tokens`, and `strange_tokens` under another key."""

    def test_a_token_has_256_bits_and_is_url_safe(self, tokens: RefreshTokens) -> None:
        token = tokens.first()

        assert len(token) >= 43
        assert token.isascii()
        assert token.replace("-", "").replace("_", "").isalnum()

    def test_first_tokens_differ(self, tokens: RefreshTokens) -> None:
        assert len({tokens.first() for _ in range(100)}) == 100

    def test_the_successor_is_the_same_each_time_and_another_token(
        self, tokens: RefreshTokens
    ) -> None:
        token = tokens.first()

        assert tokens.successors(token)[0] == tokens.successors(token)[0] != token

    def test_the_successor_needs_the_key(
        self, tokens: RefreshTokens, strange_tokens: RefreshTokens
    ) -> None:
        token = tokens.first()

        assert not set(tokens.successors(token)) & set(strange_tokens.successors(token))

    @pytest.mark.parametrize("junk", ["", "é", "\ud800", "x" * 100_000])
    def test_any_string_has_a_successor(self, tokens: RefreshTokens, junk: str) -> None:
        assert len(tokens.successors(junk)[0]) >= 43


class CursorsContract:
    """The port `Cursors`. Fixtures: `cursors`, and `strange_cursors` under another key."""

    @pytest.mark.parametrize("position", [1, 2**31, MAX_ID])
    def test_a_cursor_gives_its_position_back(self, cursors: Cursors, position: int) -> None:
        cursor = cursors.seal("posts", position)

        assert cursors.unseal("posts", cursor) == position
        assert cursor.isascii()
        assert cursor.replace("-", "").replace("_", "").isalnum()

    @pytest.mark.parametrize("timeline", ["", "post", "posts ", "user:1", "hashtag:posts"])
    def test_a_cursor_is_good_for_its_timeline_only(self, cursors: Cursors, timeline: str) -> None:
        assert cursors.unseal(timeline, cursors.seal("posts", 5)) is None

    def test_a_cursor_of_another_key_is_refused(
        self, cursors: Cursors, strange_cursors: Cursors
    ) -> None:
        assert cursors.unseal("posts", strange_cursors.seal("posts", 5)) is None

    def test_a_cursor_with_any_character_changed_is_refused(self, cursors: Cursors) -> None:
        cursor = cursors.seal("hashtag:日本", 5)
        changed = [
            cursor[:place] + ("A" if character != "A" else "B") + cursor[place + 1 :]
            for place, character in enumerate(cursor)
        ]

        assert {cursors.unseal("hashtag:日本", other) for other in changed} == {None}

    def test_junk_is_refused(self, cursors: Cursors) -> None:
        @given(st.text() | st.text("ABCDEFabcdef0189-_=", max_size=40))
        @example("")
        @example("=" * 32)
        @example("!" * 32)
        @example("é" * 32)
        def refused(junk: str) -> None:
            assert cursors.unseal("posts", junk) is None

        refused()


class EmailAddressesContract:
    """The port `EmailAddresses`. Fixture: `addresses`."""

    @pytest.mark.parametrize(
        ("address", "usual"),
        [
            ("ada@example.com", "ada@example.com"),
            ("Ada.L+tag@Example.COM", "Ada.L+tag@example.com"),
            ("ödön@exämple.org", "ödön@exämple.org"),
        ],
    )
    def test_an_address_is_brought_into_its_usual_form(
        self, addresses: EmailAddresses, address: str, usual: str
    ) -> None:
        assert addresses.normalized(address) == usual

    @pytest.mark.parametrize(
        "junk",
        [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@example.com, bob@example.com",
            "Ada <ada@example.com>",
            "ada@example.com\nBcc: bob@example.com",
            "ada@exam ple.com",
            "ada@example..com",
            "a\x00da@example.com",
            "a\ud800da@example.com",
        ],
    )
    def test_what_is_not_one_address_is_refused(self, addresses: EmailAddresses, junk: str) -> None:
        with pytest.raises(ValueError, match=r"."):
            addresses.normalized(junk)
