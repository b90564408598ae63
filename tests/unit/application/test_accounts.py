"""Signing up, logging in, staying logged in."""

import asyncio

import pytest

from hashpost.adapters.memory import MemoryStorage
from hashpost.adapters.passwords import Argon2Hasher
from hashpost.adapters.tokens import HmacRefreshTokens
from hashpost.application.accounts import LogIn, Refresh, Tokens
from hashpost.application.service import Service
from hashpost.domain.errors import (
    InvalidCredentials,
    InvalidInput,
    InvalidRefreshToken,
    Unauthenticated,
    UsernameTaken,
)
from hashpost.domain.user import User
from hashpost.testing.clock import START, ManualClock
from tests.services import KEYS

PASSWORD = "correct horse battery"


async def logged_in(service: Service, username: str = "ada") -> Tokens:
    """The tokens of a new user."""
    await service.sign_up(username=username, password=PASSWORD)
    return await service.log_in(username=username, password=PASSWORD)


async def stored(storage: MemoryStorage, user_id: int) -> User:
    """The user as stored."""
    async with storage.reading() as reading:
        user = await reading.users.by_id(user_id)
    assert user is not None
    return user


async def test_a_user_signs_up_and_logs_in(service: Service) -> None:
    user = await service.sign_up(username="Ada", password=PASSWORD, email="ada@EXAMPLE.com")
    tokens = await service.log_in(username="aDA", password=PASSWORD)
    access = await service.authenticate(tokens.access)

    assert (user.username, user.email, user.created_at) == ("Ada", "ada@example.com", START)
    assert access.user_id == user.id
    assert tokens.expires_in == 900


async def test_a_password_is_not_stored(service: Service, storage: MemoryStorage) -> None:
    user = await service.sign_up(username="ada", password=PASSWORD)

    assert PASSWORD not in str((await stored(storage, user.id)).password_hash)


async def test_everything_wrong_with_a_sign_up_is_said_at_once(service: Service) -> None:
    with pytest.raises(InvalidInput) as caught:
        await service.sign_up(username="a b", password="short", email="nowhere")

    assert [error.field for error in caught.value.errors] == ["username", "password", "email"]


@pytest.mark.parametrize(
    "email",
    ["", "nowhere", "a@b@c", "ada@" + "x" * 250 + ".com", "a@b.c\n", "a@example.com,b@example.com"],
)
async def test_an_address_must_be_one_address(service: Service, email: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await service.sign_up(username="ada", password=PASSWORD, email=email)

    assert [error.field for error in caught.value.errors] == ["email"]


async def test_an_address_may_grow_too_long_by_its_usual_form(service: Service) -> None:
    domain = ".".join(["ﷺ" * 14] * 4)

    faults = list(service.sign_up.faults(username=None, password=None, email=f"a@{domain}.com"))

    assert [fault.field for fault in faults] == ["email"]


async def test_faults_are_found_in_what_is_given_alone(service: Service) -> None:
    assert list(service.sign_up.faults(username=None, password=None, email=None)) == []
    assert list(service.log_in.faults(username=None, password=None)) == []
    assert [
        fault.field for fault in service.sign_up.faults(username=None, password="x", email=None)
    ] == ["password"]


async def test_a_taken_name_is_taken_in_whatever_case(service: Service) -> None:
    await service.sign_up(username="ada", password=PASSWORD)

    with pytest.raises(UsernameTaken):
        await service.sign_up(username="ADA", password=PASSWORD)


@pytest.mark.parametrize(
    ("username", "password"),
    [("ada", "wrong"), ("bob", PASSWORD), ("", ""), ("ada", ""), ("adа", PASSWORD)],
)
async def test_an_unknown_name_and_a_wrong_password_give_the_same_error(
    service: Service, username: str, password: str
) -> None:
    await service.sign_up(username="ada", password=PASSWORD)

    with pytest.raises(InvalidCredentials) as caught:
        await service.log_in(username=username, password=password)

    assert caught.value.detail == "The username or the password is wrong"


@pytest.mark.parametrize(
    ("username", "password", "fields"),
    [
        ("a\x00", "x", ["username"]),
        ("a", "\ud800", ["password"]),
        ("\x00", "\x00", ["username", "password"]),
    ],
)
async def test_strings_that_nobody_can_have_are_wrong_input(
    service: Service, username: str, password: str, fields: list[str]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await service.log_in(username=username, password=password)

    assert [error.field for error in caught.value.errors] == fields


async def test_an_imported_user_cannot_log_in(service: Service) -> None:
    from hashpost.application.transfer import ImportLine

    batches = [batch async for batch in service.import_posts([ImportLine(1, "ada", "Hello")])]

    assert batches[0].imported == 1
    with pytest.raises(InvalidCredentials):
        await service.log_in(username="ada", password=PASSWORD)


async def test_an_outdated_hash_is_replaced_at_the_next_log_in(
    service: Service, storage: MemoryStorage
) -> None:
    user = await service.sign_up(username="ada", password=PASSWORD)
    before = (await stored(storage, user.id)).password_hash
    log_in = changed(service.log_in, hasher=Argon2Hasher(time_cost=2, memory_kib=8))

    await log_in(username="ada", password=PASSWORD)

    after = (await stored(storage, user.id)).password_hash
    assert after != before
    assert "t=2" in str(after)
    await log_in(username="ada", password=PASSWORD)
    assert (await stored(storage, user.id)).password_hash == after


def changed(log_in: LogIn, *, hasher: Argon2Hasher) -> LogIn:
    """The use case with another hasher."""
    from dataclasses import replace

    return replace(log_in, hasher=hasher)


async def test_a_log_in_with_a_password_changed_meanwhile_is_refused(
    service: Service, storage: MemoryStorage
) -> None:
    user = await service.sign_up(username="ada", password=PASSWORD)
    old = (await stored(storage, user.id)).password_hash
    assert old is not None

    async with storage.transaction() as tx:
        log_in = asyncio.create_task(service.log_in(username="ada", password=PASSWORD))
        await tx.users.replace_password_hash(user.id, old=old, new="$other$")
        async with asyncio.timeout(10):
            while not storage_is_awaited(storage):  # noqa: ASYNC110 - a lock tells nobody
                await asyncio.sleep(0)

    with pytest.raises(InvalidCredentials):
        await log_in


def storage_is_awaited(storage: MemoryStorage) -> bool:
    """Whether a transaction waits for another one to end."""
    return "waiters" in repr(storage._writing)


async def test_a_refresh_gives_new_tokens_of_the_same_session(
    service: Service, clock: ManualClock
) -> None:
    first = await logged_in(service)
    clock.advance(minutes=1)

    second = await service.refresh(first.refresh)

    before = await service.authenticate(first.access)
    after = await service.authenticate(second.access)
    assert second.refresh != first.refresh
    assert after.session_id == before.session_id
    assert after.expires_at > before.expires_at


async def test_twenty_refreshes_of_one_token_at_once_agree(service: Service) -> None:
    first = await logged_in(service)

    all_tokens = await asyncio.gather(*(service.refresh(first.refresh) for _ in range(20)))

    assert len({tokens.refresh for tokens in all_tokens}) == 1


async def test_a_retry_within_ten_seconds_gets_the_same_successor(
    service: Service, clock: ManualClock
) -> None:
    first = await logged_in(service)
    second = await service.refresh(first.refresh)
    clock.advance(milliseconds=9999)

    again = await service.refresh(first.refresh)

    assert again.refresh == second.refresh
    assert (await service.refresh(second.refresh)).refresh != second.refresh


async def test_a_spent_token_shown_late_ends_the_session(
    service: Service, clock: ManualClock
) -> None:
    first = await logged_in(service)
    second = await service.refresh(first.refresh)
    clock.advance(seconds=10)

    with pytest.raises(InvalidRefreshToken):
        await service.refresh(first.refresh)

    with pytest.raises(InvalidRefreshToken):
        await service.refresh(second.refresh)
    with pytest.raises(Unauthenticated):
        await service.authenticate(second.access)


async def test_the_end_of_one_session_leaves_the_others(service: Service) -> None:
    first = await logged_in(service)
    other = await service.log_in(username="ada", password=PASSWORD)
    second = await service.refresh(first.refresh)
    await service.refresh(second.refresh)
    with pytest.raises(InvalidRefreshToken):
        await service.refresh(first.refresh)

    await service.refresh(other.refresh)


async def test_an_expired_token_is_refused_and_ends_nothing(
    service: Service, clock: ManualClock
) -> None:
    tokens = await logged_in(service)
    clock.advance(days=30, milliseconds=-1)
    successor = await service.refresh(tokens.refresh)
    clock.advance(days=30)

    with pytest.raises(InvalidRefreshToken):
        await service.refresh(successor.refresh)
    clock.advance(milliseconds=-1)
    await service.refresh(successor.refresh)


@pytest.mark.parametrize("token", ["", "x", "é", "\ud800", "x" * 100_000])
async def test_a_token_that_nobody_gave_out_is_refused(service: Service, token: str) -> None:
    with pytest.raises(InvalidRefreshToken):
        await service.refresh(token)


async def test_a_retry_across_a_change_of_keys_gets_the_same_successor(service: Service) -> None:
    first = await logged_in(service)
    second = await service.refresh(first.refresh)

    again = await with_keys(service.refresh, [b"n" * 32, *KEYS])(first.refresh)

    assert again.refresh == second.refresh


async def test_a_retry_after_the_old_key_is_gone_fails_and_ends_nothing(service: Service) -> None:
    first = await logged_in(service)
    second = await service.refresh(first.refresh)

    with pytest.raises(InvalidRefreshToken):
        await with_keys(service.refresh, [b"n" * 32])(first.refresh)

    await service.refresh(second.refresh)


def with_keys(refresh: Refresh, keys: list[bytes]) -> Refresh:
    """The use case under other keys."""
    from dataclasses import replace

    return replace(refresh, refresh_tokens=HmacRefreshTokens(keys))


def test_tokens_do_not_show_themselves() -> None:
    assert (
        repr(Tokens("secret", "secret", 900)) == "Tokens(access=***, refresh=***, expires_in=900)"
    )


async def test_a_revoked_session_is_dead_with_all_its_tokens(
    service: Service, clock: ManualClock
) -> None:
    user = await service.sign_up(username="ada", password=PASSWORD)
    first = await service.log_in(username="ada", password=PASSWORD)
    other = await service.log_in(username="ada", password=PASSWORD)
    second = await service.refresh(first.refresh)
    access = await service.authenticate(second.access)

    await service.revoke(first.refresh)

    for token in (first.refresh, second.refresh):
        with pytest.raises(InvalidRefreshToken):
            await service.refresh(token)
    with pytest.raises(Unauthenticated):
        await service.create_post(access, "Hello")
    clock.advance(seconds=5)
    with pytest.raises(Unauthenticated):
        await service.authenticate(second.access)
    assert (await service.authenticate(other.access)).user_id == user.id


@pytest.mark.parametrize("token", ["", "x", "é", "a\x00b"])
async def test_what_is_no_token_is_revoked_like_any_other(service: Service, token: str) -> None:
    await service.revoke(token)
    await service.revoke(token)
