"""Passwords change hands, and with them every token."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from hashpost.adapters.mail.memory import MemoryMailer
from hashpost.adapters.memory import MemoryStorage
from hashpost.application.ports import PasswordHasher
from hashpost.application.service import Service
from hashpost.domain.errors import (
    InvalidCredentials,
    InvalidInput,
    InvalidRefreshToken,
    InvalidResetToken,
    NotFound,
    Unauthenticated,
    UsernameTaken,
    UserNotFound,
    WrongPassword,
)
from hashpost.testing.clock import ManualClock
from tests.services import ListedQueue, run_told

PASSWORD = "correct horse battery"
NEW_PASSWORD = "another horse battery"
ADDRESS = "ada@example.org"


async def ada(service: Service, email: str | None = ADDRESS) -> int:
    return (await service.sign_up(username="ada", password=PASSWORD, email=email)).id


async def reset_token(service: Service, queue: ListedQueue, mailer: MemoryMailer) -> str:
    await service.request_password_reset(username="ada")
    await run_told(service, queue)
    found = re.search(r"\b[A-Za-z0-9_-]{54}\b", mailer.sent[-1].text)
    assert found
    return found[0]


async def test_a_user_reads_about_herself(service: Service) -> None:
    user_id = await ada(service)
    await service.create_post(user_id, "Hello")

    me = await service.read_me(user_id)

    assert (me.user.id, me.user.username, me.user.email, me.post_count) == (
        user_id,
        "ada",
        ADDRESS,
        1,
    )
    assert me.user.weekly_digest is False
    with pytest.raises(Unauthenticated):
        await service.read_me(1)


async def test_a_changed_password_is_the_only_one(service: Service) -> None:
    user_id = await ada(service)

    await service.change_password(user_id, old_password=PASSWORD, new_password=NEW_PASSWORD)

    await service.log_in(username="ada", password=NEW_PASSWORD)
    with pytest.raises(InvalidCredentials):
        await service.log_in(username="ada", password=PASSWORD)


async def test_a_changed_password_ends_every_token(service: Service, clock: ManualClock) -> None:
    await ada(service)
    tokens = [await service.log_in(username="ada", password=PASSWORD) for _ in range(2)]
    access = await service.authenticate(tokens[0].access)

    await service.change_password(access, old_password=PASSWORD, new_password=NEW_PASSWORD)

    for each in tokens:
        with pytest.raises(InvalidRefreshToken):
            await service.refresh(each.refresh)
    with pytest.raises(Unauthenticated):
        await service.create_post(access, "Hello")
    clock.advance(seconds=5)
    with pytest.raises(Unauthenticated):
        await service.authenticate(tokens[0].access)


async def test_a_changed_password_is_told_by_mail(
    service: Service, queue: ListedQueue, mailer: MemoryMailer
) -> None:
    user_id = await ada(service)
    await run_told(service, queue)

    await service.change_password(user_id, old_password=PASSWORD, new_password=NEW_PASSWORD)
    await run_told(service, queue)

    assert [mail.key.partition(".")[0] for mail in mailer.sent] == [
        "welcome-mail",
        "password-changed-mail",
    ]


async def test_nobody_without_an_address_is_told(service: Service, queue: ListedQueue) -> None:
    user_id = await ada(service, email=None)

    await service.change_password(user_id, old_password=PASSWORD, new_password=NEW_PASSWORD)

    assert queue.told == []


async def test_only_the_old_password_sets_a_new_one(service: Service) -> None:
    user_id = await ada(service)

    with pytest.raises(WrongPassword):
        await service.change_password(user_id, old_password="wrong", new_password=NEW_PASSWORD)
    with pytest.raises(Unauthenticated):
        await service.change_password(1, old_password=PASSWORD, new_password=NEW_PASSWORD)
    await service.log_in(username="ada", password=PASSWORD)


@pytest.mark.parametrize(
    ("old", "new", "fields"),
    [
        (PASSWORD, "short", ["new_password"]),
        (PASSWORD, "password", ["new_password"]),
        (PASSWORD, "x\0x\0x\0x\0", ["new_password"]),
        ("\0", "short", ["old_password", "new_password"]),
        ("\ud800", NEW_PASSWORD, ["old_password"]),
    ],
)
async def test_everything_wrong_with_a_change_is_said_at_once(
    service: Service, old: str, new: str, fields: list[str]
) -> None:
    user_id = await ada(service)

    with pytest.raises(InvalidInput) as caught:
        await service.change_password(user_id, old_password=old, new_password=new)

    assert [error.field for error in caught.value.errors] == fields


async def test_a_new_password_is_not_the_username(service: Service) -> None:
    user = await service.sign_up(username="Somebody.Else", password=PASSWORD)

    with pytest.raises(InvalidInput, match="new_password: anything but the username"):
        await service.change_password(user.id, old_password=PASSWORD, new_password="somebody.else")


async def test_of_many_changes_at_once_one_wins(service: Service) -> None:
    user_id = await ada(service)
    new = [f"horse battery number {number}" for number in range(5)]

    ended = await asyncio.gather(
        *(
            service.change_password(user_id, old_password=PASSWORD, new_password=each)
            for each in new
        ),
        return_exceptions=True,
    )

    assert [type(each) for each in ended].count(WrongPassword) == 4
    await service.log_in(username="ada", password=new[ended.index(None)])


async def test_a_user_who_is_gone_is_nobody_even_if_a_look_is_remembered(
    service: Service, storage: MemoryStorage
) -> None:
    user_id = await ada(service)
    await service.read_me(user_id)
    storage.__init__()  # type: ignore[misc]

    with pytest.raises(Unauthenticated):
        await service.read_me(user_id)
    with pytest.raises(Unauthenticated):
        await service.change_password(user_id, old_password=PASSWORD, new_password=NEW_PASSWORD)


def test_what_is_not_given_is_not_wrong(service: Service) -> None:
    assert list(service.change_password.faults(old_password=None, new_password=None)) == []
    assert list(service.confirm_password_reset.faults(new_password=None)) == []


# Reset


async def test_a_token_from_a_mail_sets_a_new_password_once(
    service: Service, queue: ListedQueue, mailer: MemoryMailer
) -> None:
    await ada(service)
    tokens = await service.log_in(username="ada", password=PASSWORD)
    token = await reset_token(service, queue, mailer)

    await service.confirm_password_reset(token=token, new_password=NEW_PASSWORD)
    await run_told(service, queue)

    await service.log_in(username="ada", password=NEW_PASSWORD)
    with pytest.raises(InvalidRefreshToken):
        await service.refresh(tokens.refresh)
    with pytest.raises(InvalidResetToken):
        await service.confirm_password_reset(token=token, new_password=PASSWORD)
    assert mailer.sent[-1].key.startswith("password-changed-mail.")


async def test_a_reset_token_is_good_for_an_hour(
    service: Service, queue: ListedQueue, mailer: MemoryMailer, clock: ManualClock
) -> None:
    await ada(service)
    first = await reset_token(service, queue, mailer)
    clock.advance(minutes=60, milliseconds=-1)
    await service.confirm_password_reset(token=first, new_password=NEW_PASSWORD)
    second = await reset_token(service, queue, mailer)
    clock.advance(minutes=60)

    with pytest.raises(InvalidResetToken):
        await service.confirm_password_reset(token=second, new_password=PASSWORD)


async def test_a_changed_password_ends_reset_tokens(
    service: Service, queue: ListedQueue, mailer: MemoryMailer
) -> None:
    user_id = await ada(service)
    token = await reset_token(service, queue, mailer)

    await service.change_password(user_id, old_password=PASSWORD, new_password=NEW_PASSWORD)

    with pytest.raises(InvalidResetToken):
        await service.confirm_password_reset(token=token, new_password=PASSWORD)


@pytest.mark.parametrize("token", ["", "x", "A" * 54, "A" * 53 + "=", "\ud800", "é" * 54])
async def test_a_token_that_nobody_gave_out_is_refused(service: Service, token: str) -> None:
    await ada(service)

    with pytest.raises(InvalidResetToken):
        await service.confirm_password_reset(token=token, new_password=NEW_PASSWORD)


async def test_a_weak_password_does_not_spend_the_token(
    service: Service, queue: ListedQueue, mailer: MemoryMailer
) -> None:
    await ada(service)
    token = await reset_token(service, queue, mailer)

    with pytest.raises(InvalidInput, match="new_password"):
        await service.confirm_password_reset(token=token, new_password="short")

    await service.confirm_password_reset(token=token, new_password=NEW_PASSWORD)


async def test_a_token_used_many_times_at_once_is_good_once(
    service: Service, queue: ListedQueue, mailer: MemoryMailer
) -> None:
    await ada(service)
    token = await reset_token(service, queue, mailer)

    ended = await asyncio.gather(
        *(
            service.confirm_password_reset(token=token, new_password=f"{NEW_PASSWORD} {number}")
            for number in range(5)
        ),
        return_exceptions=True,
    )

    assert [type(each) for each in ended].count(InvalidResetToken) == 4


@pytest.mark.parametrize(
    ("username", "email", "fields"),
    [
        (None, None, ["username"]),
        ("ada", ADDRESS, ["username"]),
        ("a\0", None, ["username"]),
        (None, "\ud800", ["email"]),
        (None, "x" * 255, ["email"]),
        ("x" * 1001, None, ["username"]),
    ],
)
async def test_a_reset_is_asked_for_by_name_or_by_address(
    service: Service, username: str | None, email: str | None, fields: list[str]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await service.request_password_reset(username=username, email=email)

    assert [error.field for error in caught.value.errors] == fields


# Digest


async def test_a_digest_is_ordered_and_cancelled(service: Service) -> None:
    user_id = await ada(service)

    await service.set_digest(user_id, weekly=True)
    assert (await service.read_me(user_id)).user.weekly_digest
    await service.set_digest(user_id, weekly=False)
    assert not (await service.read_me(user_id)).user.weekly_digest

    with pytest.raises(Unauthenticated):
        await service.set_digest(1, weekly=True)


@pytest.mark.parametrize("token", ["", "x", "A" * 32, "A" * 31 + "=", "\ud800"])
async def test_only_a_token_of_ours_unsubscribes(service: Service, token: str) -> None:
    with pytest.raises(NotFound):
        await service.unsubscribe(token)


async def test_a_token_of_a_user_who_is_gone_unsubscribes_nobody(service: Service) -> None:
    with pytest.raises(NotFound):
        await service.unsubscribe(service.unsubscribe.tokens.unsubscribe(1))


async def test_a_user_is_read_by_others(service: Service) -> None:
    user_id = await ada(service)
    bob = await service.sign_up(username="bob", password=PASSWORD)
    await service.create_post(user_id, "Hello")

    profile = await service.read_user(bob.id, user_id)

    assert (profile.user.id, profile.user.username, profile.post_count) == (user_id, "ada", 1)
    with pytest.raises(UserNotFound):
        await service.read_user(bob.id, 1)


async def test_a_deleted_user_is_gone_from_every_answer_at_once(
    service: Service, queue: ListedQueue
) -> None:
    user_id = await ada(service)
    bob = (await service.sign_up(username="bob", password=PASSWORD)).id
    await service.add_favorite(bob, "a")
    gone = [await service.create_post(user_id, "#a #b") for _ in range(3)]
    kept = await service.create_post(bob, "#a")
    tokens = await service.log_in(username="ada", password=PASSWORD)
    access = await service.authenticate(tokens.access)

    async def look() -> None:
        for reads in (
            service.list_user_posts(bob, user_id),
            service.read_user(bob, user_id),
            service.read_post(bob, gone[0].id),
            service.edit_post(bob, gone[0].id, "mine"),
            service.delete_post(bob, gone[1].id),
        ):
            with pytest.raises(NotFound):
                await reads
        assert (await service.list_posts(bob)).result == (kept,)
        assert (await service.list_posts(bob)).count == 1
        assert (await service.list_hashtag_posts(bob, "a")).count == 1
        assert (await service.list_hashtag_posts(bob, "b")).count == 0
        assert [each.post for each in (await service.list_favorite_posts(bob)).result] == [kept]
        assert [tag.name for tag in await service.popular_hashtags(bob)] == ["a"]
        assert [post async for post in service.export_posts()] == [kept]
        for acts in (
            service.create_post(access, "Hello"),
            service.restore_post(user_id, gone[0].id),
            service.delete_user(access, password=PASSWORD),
        ):
            with pytest.raises(Unauthenticated):
                await acts
        with pytest.raises(InvalidRefreshToken):
            await service.refresh(tokens.refresh)
        with pytest.raises(InvalidCredentials):
            await service.log_in(username="ada", password=PASSWORD)
        with pytest.raises(UsernameTaken):
            await service.sign_up(username="ADA", password=PASSWORD)

    await service.delete_user(access, password=PASSWORD)
    await look()
    await run_told(service, queue)
    await look()
    assert [each async for each in service.check_storage()] == []


async def test_an_account_is_deleted_with_its_password_only(service: Service) -> None:
    user_id = await ada(service)
    imported = await service.sign_up(username="bob", password=PASSWORD)

    for password in ("wrong", "", NEW_PASSWORD):
        with pytest.raises(WrongPassword):
            await service.delete_user(user_id, password=password)
    with pytest.raises(InvalidInput) as wrong:
        await service.delete_user(user_id, password="a\x00")
    assert [error.field for error in wrong.value.errors] == ["password"]
    with pytest.raises(Unauthenticated):
        await service.delete_user(1, password=PASSWORD)
    assert (await service.read_user(imported.id, user_id)).user.username == "ada"


async def test_of_two_deletions_at_once_one_deletes(service: Service) -> None:
    user_id = await ada(service)

    ended = await asyncio.gather(
        *(service.delete_user(user_id, password=PASSWORD) for _ in range(2)),
        return_exceptions=True,
    )

    assert [type(each) for each in ended].count(type(None)) == 1
    assert {type(each) for each in ended} == {type(None), Unauthenticated}


@dataclass(frozen=True, slots=True)
class InterruptedHasher:
    """Something else happens while it verifies a password."""

    hasher: PasswordHasher
    interruption: Callable[[], Awaitable[None]]

    async def hash(self, password: str) -> str:
        return await self.hasher.hash(password)

    async def verify(self, password: str, password_hash: str | None) -> bool:
        is_right = await self.hasher.verify(password, password_hash)
        await self.interruption()
        return is_right

    def is_outdated(self, password_hash: str) -> bool:
        return self.hasher.is_outdated(password_hash)


async def test_a_password_that_was_just_changed_deletes_nothing(service: Service) -> None:
    user_id = await ada(service)

    async def change() -> None:
        await service.change_password(user_id, old_password=PASSWORD, new_password=NEW_PASSWORD)

    delete_user = service.delete_user
    interrupted = replace(delete_user, hasher=InterruptedHasher(delete_user.hasher, change))
    with pytest.raises(WrongPassword):
        await interrupted(user_id, password=PASSWORD)

    assert (await service.read_me(user_id)).user.username == "ada"


async def test_nobody_reads_or_changes_as_a_deleted_user(
    service: Service, clock: ManualClock
) -> None:
    user_id = await ada(service)
    await service.list_posts(user_id)
    await service.delete_user(user_id, password=PASSWORD)

    with pytest.raises(Unauthenticated):
        await service.read_me(user_id)
    with pytest.raises(Unauthenticated):
        await service.list_deleted_posts(user_id)
    with pytest.raises(Unauthenticated):
        await service.change_password(user_id, old_password=PASSWORD, new_password=NEW_PASSWORD)
    clock.advance(seconds=5)
    with pytest.raises(Unauthenticated):
        await service.list_posts(user_id)
