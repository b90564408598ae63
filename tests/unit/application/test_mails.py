"""Who gets which mail, and when nobody does."""

import re
from datetime import timedelta

import pytest

from hashpost.adapters.mail.memory import MemoryMailer
from hashpost.adapters.memory import MemoryStorage
from hashpost.application.service import Service
from hashpost.domain.errors import UsernameTaken
from hashpost.domain.message import Message, State
from hashpost.domain.user import User
from hashpost.testing.clock import ManualClock
from tests.services import ListedQueue, run_told

PASSWORD = "correct horse battery"
NEW_PASSWORD = "another horse battery"
ADDRESS = "ada@example.org"


async def signed_up(service: Service, username: str = "ada", email: str | None = ADDRESS) -> User:
    return await service.sign_up(username=username, password=PASSWORD, email=email)


async def outcomes(service: Service, job: str) -> list[str | None]:
    return [message.outcome for message in await service.list_messages(job=job)]


async def test_a_new_user_with_an_address_is_welcomed(
    service: Service, queue: ListedQueue, mailer: MemoryMailer
) -> None:
    user = await signed_up(service)

    assert len(queue.told) == 1
    await run_told(service, queue)

    (mail,) = mailer.sent
    (message,) = await service.list_messages()
    assert (mail.to, mail.name, mail.key) == (ADDRESS, "ada", f"welcome-mail.{message.id}")
    assert mail.unsubscribe_url is None
    assert message.arguments == {"user_id": user.id}
    assert (message.state, message.outcome) == (State.DONE, "sent")


async def test_a_new_user_without_an_address_is_not(service: Service, queue: ListedQueue) -> None:
    await signed_up(service, email=None)

    assert queue.told == []
    assert list(await service.list_messages()) == []


async def test_a_sign_up_that_failed_sends_nothing(service: Service, queue: ListedQueue) -> None:
    await signed_up(service)
    queue.told.clear()

    with pytest.raises(UsernameTaken):
        await signed_up(service, "ADA")

    assert queue.told == []
    assert len(await service.list_messages()) == 1


@pytest.mark.parametrize(
    "job", ["welcome-mail", "password-reset-mail", "password-changed-mail", "digest-mail"]
)
async def test_nothing_goes_to_a_user_who_is_gone(
    service: Service, storage: MemoryStorage, mailer: MemoryMailer, job: str
) -> None:
    message = Message.new(id=5, job=job, arguments={"user_id": 1, "generation": 0})
    async with storage.transaction() as tx:
        await tx.outbox.add(message)

    attempt = await service.run_message(5)

    assert attempt is not None
    assert attempt.message.state is State.DONE
    assert mailer.sent == []


async def test_nothing_goes_to_a_user_without_an_address(
    service: Service, storage: MemoryStorage, mailer: MemoryMailer
) -> None:
    user = await signed_up(service, email=None)
    async with storage.transaction() as tx:
        await tx.outbox.add(Message.new(id=5, job="welcome-mail", arguments={"user_id": user.id}))

    await service.run_message(5)

    assert mailer.sent == []
    assert await outcomes(service, "welcome-mail") == ["the user has no address"]


# Password reset


async def test_a_reset_by_name_in_any_case_reaches_the_user(
    service: Service, queue: ListedQueue, mailer: MemoryMailer
) -> None:
    await signed_up(service)
    await run_told(service, queue)

    await service.request_password_reset(username="ADA")
    await run_told(service, queue)

    assert [mail.to for mail in mailer.sent] == [ADDRESS, ADDRESS]
    assert re.search(r"\b[A-Za-z0-9_-]{54}\b", mailer.sent[1].text)


async def test_a_reset_by_address_reaches_everybody_who_has_it(
    service: Service, queue: ListedQueue, mailer: MemoryMailer
) -> None:
    await signed_up(service)
    await signed_up(service, "bob")
    await signed_up(service, "eve", "eve@example.org")
    queue.told.clear()

    await service.request_password_reset(email="Ada@Example.ORG")
    await run_told(service, queue)

    assert sorted(mail.name for mail in mailer.sent) == ["ada", "bob"]


@pytest.mark.parametrize("asked", [{"username": "nobody"}, {"email": "nobody@example.org"}])
async def test_a_reset_for_nobody_looks_the_same_and_sends_nothing(
    service: Service, queue: ListedQueue, mailer: MemoryMailer, asked: dict[str, str]
) -> None:
    await service.request_password_reset(**asked)

    assert len(queue.told) == 1
    await run_told(service, queue)
    assert mailer.sent == []
    assert await outcomes(service, "password-reset") == ["0 found"]


async def test_a_reset_for_a_user_without_an_address_sends_nothing(
    service: Service, queue: ListedQueue, mailer: MemoryMailer
) -> None:
    await signed_up(service, email=None)

    await service.request_password_reset(username="ada")
    await run_told(service, queue)

    assert mailer.sent == []


async def test_a_reset_mail_that_comes_too_late_is_not_sent(
    service: Service, queue: ListedQueue, mailer: MemoryMailer
) -> None:
    user = await signed_up(service)
    queue.told.clear()
    await service.request_password_reset(username="ada")
    await service.run_message(queue.told.pop())
    mail = queue.told.pop()
    await service.change_password(user.id, old_password=PASSWORD, new_password=NEW_PASSWORD)
    queue.told.clear()

    await service.run_message(mail)

    assert mailer.sent == []


# Digests


async def reader(service: Service, email: str | None = ADDRESS) -> User:
    user = await signed_up(service, email=email)
    await service.add_favorite(user.id, "#news")
    await service.set_digest(user.id, weekly=True)
    return user


async def send_digests(service: Service, queue: ListedQueue) -> None:
    queue.told.clear()
    await service.run_schedule("send-digests")
    await run_told(service, queue)
    for message in await service.list_messages(job="digest-mail", state=State.QUEUED):
        await service.run_message(message.id)


@pytest.fixture(autouse=True)
async def schedules(service: Service) -> None:
    await service.ensure_schedules()


async def test_a_digest_holds_what_is_new_under_favourites(
    service: Service, queue: ListedQueue, mailer: MemoryMailer, clock: ManualClock
) -> None:
    user = await reader(service)
    await service.create_post(user.id, "an old #news")
    clock.advance(days=8)
    await service.create_post(user.id, "a new <b>#news</b>")
    await service.create_post(user.id, "something #else")
    clock.advance(seconds=1)

    await send_digests(service, queue)

    (mail,) = mailer.sent
    assert "a new" in mail.text
    assert "an old" not in mail.text
    assert "something" not in mail.text
    assert re.fullmatch(
        r"http://127\.0\.0\.1:8000/unsubscribe/[A-Za-z0-9_-]{32}/", mail.unsubscribe_url or ""
    )
    assert await outcomes(service, "send-digests") == ["1 digests"]


async def test_a_digest_is_sent_once_a_week_and_goes_on_from_the_last(
    service: Service, queue: ListedQueue, mailer: MemoryMailer, clock: ManualClock
) -> None:
    user = await reader(service)
    sent = []
    for number in range(15):
        await service.create_post(user.id, f"post{number}x #news")
        clock.advance(days=1)
        await send_digests(service, queue)
        sent.append(len(mailer.sent))

    assert sent == [1] * 7 + [2] * 7 + [3]
    assert re.findall(r"post\d+x", mailer.sent[0].text) == ["post0x"]
    second = dict.fromkeys(re.findall(r"post\d+x", mailer.sent[1].text))
    assert list(second) == [f"post{number}x" for number in range(7, 0, -1)]


async def test_there_is_no_digest_without_news_and_it_comes_as_soon_as_there_are(
    service: Service, queue: ListedQueue, mailer: MemoryMailer, clock: ManualClock
) -> None:
    user = await reader(service)

    await send_digests(service, queue)
    assert mailer.sent == []

    await service.create_post(user.id, "#news")
    clock.advance(days=1)
    await send_digests(service, queue)
    assert len(mailer.sent) == 1


async def test_nobody_without_favourites_or_an_address_gets_a_digest(
    service: Service, queue: ListedQueue, mailer: MemoryMailer, clock: ManualClock
) -> None:
    user = await reader(service, email=None)
    bob = await signed_up(service, "bob")
    await service.set_digest(bob.id, weekly=True)
    await service.create_post(user.id, "#news")
    clock.advance(seconds=1)

    await send_digests(service, queue)

    assert mailer.sent == []


async def test_two_jobs_for_digests_at_once_send_one(
    service: Service, queue: ListedQueue, clock: ManualClock
) -> None:
    import asyncio

    user = await reader(service)
    await service.create_post(user.id, "#news")
    clock.advance(seconds=1)
    jobs = [await service.run_schedule("send-digests") for _ in range(5)]

    await asyncio.gather(*(service.run_message(job) for job in jobs))

    assert len(await service.list_messages(job="digest-mail")) == 1


async def test_all_users_are_gone_through_in_batches(
    service: Service, queue: ListedQueue, mailer: MemoryMailer, clock: ManualClock
) -> None:
    from hashpost.adapters.system import SystemIds
    from hashpost.application.mails import SendDigests
    from hashpost.application.messages import Outgoing

    for name in ("ada", "bob", "eve"):
        user = await signed_up(service, name)
        await service.add_favorite(user.id, "news")
        await service.set_digest(user.id, weekly=True)
    await service.create_post(user.id, "#news")
    clock.advance(seconds=1)
    storage = service.add_favorite.storage
    job = SendDigests(storage, clock, Outgoing(clock, SystemIds()), batch=1)

    done = await job(Message.new(id=1, job="send-digests"))

    assert done.outcome == "3 digests"


async def test_a_digest_that_is_not_wanted_any_more_is_not_sent(
    service: Service, queue: ListedQueue, mailer: MemoryMailer, clock: ManualClock
) -> None:
    user = await reader(service)
    await service.create_post(user.id, "#news")
    clock.advance(seconds=1)
    await service.run_message(await service.run_schedule("send-digests"))
    await service.set_digest(user.id, weekly=False)
    (message,) = await service.list_messages(job="digest-mail")

    await service.run_message(message.id)

    assert mailer.sent == []
    assert await outcomes(service, "digest-mail") == ["not wanted any more"]


async def test_a_digest_of_posts_that_are_gone_is_not_sent(
    service: Service, queue: ListedQueue, mailer: MemoryMailer, clock: ManualClock
) -> None:
    user = await reader(service)
    post = await service.create_post(user.id, "#news")
    clock.advance(seconds=1)
    await service.run_message(await service.run_schedule("send-digests"))
    await service.delete_post(user.id, post.id)
    (message,) = await service.list_messages(job="digest-mail")

    await service.run_message(message.id)

    assert mailer.sent == []
    assert await outcomes(service, "digest-mail") == ["nothing new is left"]


async def test_one_click_ends_the_digests(
    service: Service, queue: ListedQueue, mailer: MemoryMailer, clock: ManualClock
) -> None:
    user = await reader(service)
    await service.create_post(user.id, "#news")
    clock.advance(seconds=1)
    await send_digests(service, queue)
    token = str(mailer.sent[0].unsubscribe_url).split("/")[-2]

    await service.unsubscribe(token)
    await service.unsubscribe(token)

    assert not (await service.read_me(user.id)).user.weekly_digest


async def test_a_digest_between_a_look_and_its_transaction_is_not_sent_twice(
    service: Service, clock: ManualClock
) -> None:
    from hashpost.adapters.system import SystemIds
    from hashpost.application.mails import SendDigests
    from hashpost.application.messages import Outgoing

    user = await reader(service)
    await service.create_post(user.id, "#news")
    clock.advance(seconds=1)
    job = SendDigests(service.add_favorite.storage, clock, Outgoing(clock, SystemIds()))
    stale = (await service.read_me(user.id)).user

    first, second = await job._send(stale), await job._send(stale)

    assert (first, second) == (True, False)
    assert len(await service.list_messages(job="digest-mail")) == 1
    assert (await service.read_me(user.id)).user.digest_since(at=clock() + timedelta(1)) == clock()
