"""What makers of tokens for mails, mailers, and readers of cron expressions must do."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hashpost.application.ports import CronTimes, MailTokens
from hashpost.domain.ids import MAX_ID, from_unix_ms
from hashpost.testing.clock import START

_HOUR = timedelta(hours=1)
_MILLISECOND = timedelta(milliseconds=1)


class MailTokensContract:
    """The port `MailTokens`. Fixtures: `tokens`, and `strange_tokens` under another key."""

    @pytest.mark.parametrize(("user_id", "generation"), [(1, 0), (MAX_ID, 2**31)])
    def test_a_reset_token_gives_back_what_it_was_made_of_until_it_expires(
        self, tokens: MailTokens, user_id: int, generation: int
    ) -> None:
        token = tokens.reset(user_id, generation, expires_at=START + _HOUR)

        assert tokens.read_reset(token, at=START + _HOUR - _MILLISECOND) == (user_id, generation)
        assert tokens.read_reset(token, at=START + _HOUR) is None

    def test_an_unsubscribe_token_is_always_the_same_and_gives_its_user_back(
        self, tokens: MailTokens
    ) -> None:
        assert tokens.unsubscribe(7) == tokens.unsubscribe(7) != tokens.unsubscribe(8)
        assert tokens.read_unsubscribe(tokens.unsubscribe(MAX_ID)) == MAX_ID

    def test_tokens_fit_into_a_url_as_they_are(self, tokens: MailTokens) -> None:
        made = tokens.reset(7, 1, expires_at=START) + tokens.unsubscribe(7)

        assert made.isascii()
        assert made.replace("-", "").replace("_", "").isalnum()

    def test_a_token_of_one_kind_is_none_of_the_other(self, tokens: MailTokens) -> None:
        assert tokens.read_unsubscribe(tokens.reset(7, 1, expires_at=START)) is None
        assert tokens.read_reset(tokens.unsubscribe(7), at=START) is None

    def test_tokens_of_another_key_are_refused(
        self, tokens: MailTokens, strange_tokens: MailTokens
    ) -> None:
        strange = strange_tokens.reset(7, 1, expires_at=START + _HOUR)

        assert tokens.read_reset(strange, at=START) is None
        assert tokens.read_unsubscribe(strange_tokens.unsubscribe(7)) is None

    def test_a_token_with_any_character_changed_is_refused(self, tokens: MailTokens) -> None:
        reset = tokens.reset(7, 1, expires_at=START + _HOUR)
        unsubscribe = tokens.unsubscribe(7)

        assert {tokens.read_reset(each, at=START) for each in _changed(reset)} == {None}
        assert {tokens.read_unsubscribe(each) for each in _changed(unsubscribe)} == {None}

    def test_junk_is_refused(self, tokens: MailTokens) -> None:
        @given(st.text() | st.text("ABCDEFabcdef0189-_=", max_size=60))
        @example("")
        @example("=" * 54)
        @example("é" * 32)
        @example("\ud800")
        def refused(junk: str) -> None:
            assert tokens.read_reset(junk, at=START) is None
            assert tokens.read_unsubscribe(junk) is None

        refused()


def _changed(token: str) -> list[str]:
    return [
        token[:place] + ("A" if character != "A" else "B") + token[place + 1 :]
        for place, character in enumerate(token)
    ]


class CronTimesContract:
    """The port `CronTimes`. Method to override: `cron`."""

    def cron(self) -> CronTimes:
        """The reader to prove."""
        raise NotImplementedError

    @pytest.mark.parametrize(
        "expression",
        ["* * * * *", "*/5 * * * *", "0 3 * * 1", "0 0 29 2 *", "5,10-20/5 8-18 1 jan mon-fri"],
    )
    def test_expressions_of_five_fields_are_right(self, expression: str) -> None:
        self.cron().check(expression)

    @pytest.mark.parametrize(
        "expression",
        ["", "x", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 30 2 *", "@daily"],
    )
    def test_anything_else_is_told_what_would_be_right(self, expression: str) -> None:
        with pytest.raises(ValueError, match=r"five fields .*such as"):
            self.cron().check(expression)

    def test_a_moment_that_is_named_is_the_latest_from_its_beginning_on(self) -> None:
        at = datetime(2026, 11, 22, 6, 25, tzinfo=UTC)

        assert self.cron().latest("*/5 * * * *", at=at) == at
        assert self.cron().latest("*/5 * * * *", at=at + timedelta(minutes=4, seconds=59)) == at
        assert self.cron().latest("*/5 * * * *", at=at - _MILLISECOND) == at - timedelta(minutes=5)

    def test_the_following_moment_comes_after(self) -> None:
        at = datetime(2026, 11, 22, 6, 25, tzinfo=UTC)

        assert self.cron().following("*/5 * * * *", at=at) == at + timedelta(minutes=5)
        assert self.cron().following("*/5 * * * *", at=at - _MILLISECOND) == at

    def test_years_may_lie_between(self) -> None:
        leap_day = datetime(2024, 2, 29, tzinfo=UTC)

        assert self.cron().latest("0 0 29 2 *", at=START) == leap_day
        assert self.cron().following("0 0 29 2 *", at=START) == datetime(2028, 2, 29, tzinfo=UTC)

    @given(st.integers(0, 2**41).map(from_unix_ms))
    @pytest.mark.parametrize("expression", ["*/7 * * * *", "17 3 * * *", "0 8 * * 1", "0 0 1 * *"])
    def test_no_moment_lies_between_the_latest_and_the_following(
        self, expression: str, at: datetime
    ) -> None:
        latest, following = (
            self.cron().latest(expression, at=at),
            self.cron().following(expression, at=at),
        )

        assert latest is not None
        assert following is not None
        assert latest <= at < following
        assert self.cron().following(expression, at=latest) == following
