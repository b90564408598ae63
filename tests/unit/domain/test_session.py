"""Sessions: what a refresh token is good for, and when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from hashpost.domain.errors import Unauthenticated
from hashpost.domain.session import Access, Actor, Session, actor_id, admitted, token_hash
from hashpost.domain.user import User

AT = datetime(2026, 11, 22, 6, 21, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
DAY = timedelta(days=1)
FIRST, SECOND, THIRD = b"1", b"2", b"3"
NEW = Session(id=1, user_id=7, current=FIRST, expires_at=AT + DAY)
ROTATED = NEW.rotated(SECOND, at=AT, expires_at=AT + 2 * DAY)

USER = User(7, "ada", None, None, generation=3)
ACCESS = Access(user_id=7, generation=3, session_id=1, expires_at=AT)


def test_a_new_session_accepts_its_token_until_it_expires() -> None:
    assert NEW.accepts(FIRST, at=AT)
    assert NEW.accepts(FIRST, at=AT + DAY - MILLISECOND)
    assert not NEW.accepts(FIRST, at=AT + DAY)


def test_a_new_session_has_no_token_to_repeat() -> None:
    assert not NEW.repeats(FIRST, at=AT)
    assert not NEW.repeats(SECOND, at=AT)


def test_no_other_token_is_accepted() -> None:
    assert not NEW.accepts(SECOND, at=AT)


def test_a_refresh_spends_the_token_for_its_successor() -> None:
    rotated = NEW.rotated(SECOND, at=AT, expires_at=AT + 2 * DAY)

    assert rotated == Session(
        id=1,
        user_id=7,
        current=SECOND,
        expires_at=AT + 2 * DAY,
        previous=FIRST,
        rotated_at=AT,
        revoked_at=None,
    )
    assert ROTATED.accepts(SECOND, at=AT)
    assert not ROTATED.accepts(FIRST, at=AT)


def test_the_token_just_spent_repeats_for_less_than_ten_seconds() -> None:
    assert ROTATED.repeats(FIRST, at=AT)
    assert ROTATED.repeats(FIRST, at=AT + timedelta(seconds=10) - MILLISECOND)
    assert not ROTATED.repeats(FIRST, at=AT + timedelta(seconds=10))


def test_only_the_token_just_spent_repeats() -> None:
    twice = ROTATED.rotated(THIRD, at=AT, expires_at=AT + 2 * DAY)

    assert twice.repeats(SECOND, at=AT)
    assert not twice.repeats(FIRST, at=AT)
    assert not twice.repeats(THIRD, at=AT)


def test_nothing_repeats_once_the_successor_has_expired() -> None:
    short = NEW.rotated(SECOND, at=AT, expires_at=AT + timedelta(seconds=5))

    assert short.repeats(FIRST, at=AT + timedelta(seconds=5) - MILLISECOND)
    assert not short.repeats(FIRST, at=AT + timedelta(seconds=5))


def test_a_revoked_session_does_nothing_any_more() -> None:
    revoked = ROTATED.revoked(at=AT)

    assert not revoked.accepts(SECOND, at=AT)
    assert not revoked.repeats(FIRST, at=AT)


def test_a_session_is_revoked_once() -> None:
    revoked = ROTATED.revoked(at=AT)

    assert revoked == replace(ROTATED, revoked_at=AT)
    assert revoked.revoked(at=AT + DAY) == revoked


@pytest.mark.parametrize("token", ["", "abc", "é", "\ud800"])
def test_a_token_is_known_by_its_hash(token: str) -> None:
    assert token_hash(token) == sha256(token.encode("utf-8", "surrogatepass")).digest()


def test_an_actor_has_the_id_of_the_user() -> None:
    assert actor_id(7) == actor_id(ACCESS) == 7


def test_a_user_may_act_in_a_session_that_holds() -> None:
    assert admitted(ACCESS, user=USER, session=ROTATED) == USER


def test_a_user_may_act_by_id_alone() -> None:
    assert admitted(7, user=USER, session=None) == USER


@pytest.mark.parametrize("actor", [7, ACCESS])
def test_nobody_may_not_act(actor: Actor) -> None:
    with pytest.raises(Unauthenticated):
        admitted(actor, user=None, session=NEW)


@pytest.mark.parametrize(
    ("user", "session"),
    [
        (USER, None),
        (USER, NEW.revoked(at=AT)),
        (USER, replace(NEW, user_id=8)),
        (replace(USER, generation=4), NEW),
        (replace(USER, generation=2), NEW),
    ],
)
def test_tokens_that_were_ended_admit_nobody(user: User, session: Session | None) -> None:
    with pytest.raises(Unauthenticated):
        admitted(ACCESS, user=user, session=session)
