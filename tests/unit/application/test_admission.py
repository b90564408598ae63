"""Who may act, and how soon an end is seen."""

from dataclasses import dataclass, field

import pytest

from hashpost.adapters.memory import MemoryStorage
from hashpost.application import admission
from hashpost.application.admission import Admission
from hashpost.application.service import Service
from hashpost.domain.errors import InvalidRefreshToken, Unauthenticated
from hashpost.testing.clock import ManualClock

PASSWORD = "correct horse battery"


async def revoked_session(service: Service) -> str:
    """An access token whose session has just been ended; it was good for a read before that."""
    await service.sign_up(username="ada", password=PASSWORD)
    first = await service.log_in(username="ada", password=PASSWORD)
    await service.authenticate(first.access)
    second = await service.refresh(first.refresh)
    await service.refresh(second.refresh)
    with pytest.raises(InvalidRefreshToken):
        await service.refresh(first.refresh)
    return first.access


async def test_an_ended_session_writes_nothing_from_that_moment_on(service: Service) -> None:
    access = await service.authenticate(await revoked_session(service))

    with pytest.raises(Unauthenticated):
        await service.create_post(access, "Hello")
    with pytest.raises(Unauthenticated):
        await service.edit_post(access, 1, "Hello")
    with pytest.raises(Unauthenticated):
        await service.delete_post(access, 1)


async def test_an_ended_session_reads_for_less_than_five_seconds_more(
    service: Service, clock: ManualClock
) -> None:
    token = await revoked_session(service)

    clock.advance(milliseconds=4999)
    access = await service.authenticate(token)
    assert (await service.list_posts(access)).count == 0

    clock.advance(milliseconds=1)
    with pytest.raises(Unauthenticated):
        await service.authenticate(token)
    with pytest.raises(Unauthenticated):
        await service.list_posts(access)


async def test_a_clock_that_is_set_back_makes_nothing_last_longer(
    service: Service, clock: ManualClock
) -> None:
    token = await revoked_session(service)

    clock.advance(milliseconds=-1)

    with pytest.raises(Unauthenticated):
        await service.authenticate(token)


async def test_an_access_token_ends_with_its_time(service: Service, clock: ManualClock) -> None:
    await service.sign_up(username="ada", password=PASSWORD)
    tokens = await service.log_in(username="ada", password=PASSWORD)

    clock.advance(minutes=15, milliseconds=-1)
    await service.authenticate(tokens.access)
    clock.advance(milliseconds=1)
    with pytest.raises(Unauthenticated):
        await service.authenticate(tokens.access)


@pytest.mark.parametrize("token", ["", "x", "a.b.c"])
async def test_what_is_no_token_admits_nobody(service: Service, token: str) -> None:
    with pytest.raises(Unauthenticated):
        await service.authenticate(token)


async def test_an_unknown_id_may_do_nothing(service: Service) -> None:
    with pytest.raises(Unauthenticated):
        await service.list_posts(1)
    with pytest.raises(Unauthenticated):
        await service.list_user_posts(1, 1)
    with pytest.raises(Unauthenticated):
        await service.list_hashtag_posts(1, "a")
    with pytest.raises(Unauthenticated):
        await service.popular_hashtags(1)
    with pytest.raises(Unauthenticated):
        await service.read_post(1, 1)
    with pytest.raises(Unauthenticated):
        await service.create_post(1, "Hello")


@dataclass
class CountingStorage(MemoryStorage):
    """A storage that counts how often it is read."""

    readings: int = field(default=0)

    def __post_init__(self) -> None:
        super().__init__()

    def reading(self):  # type: ignore[no-untyped-def]
        """A reading, counted."""
        self.readings += 1
        return super().reading()


async def admission_of_a_user(clock: ManualClock) -> tuple[Admission, CountingStorage, int]:
    """An admission over a storage with one user."""
    from hashpost.testing.contracts.keeping import kept_user

    storage = CountingStorage()
    user = await kept_user(storage)
    return Admission(storage, clock), storage, user.id


async def test_good_news_is_remembered(clock: ManualClock) -> None:
    admitting, storage, user_id = await admission_of_a_user(clock)

    await admitting.to_read(user_id)
    await admitting.to_read(user_id)

    assert storage.readings == 1


async def test_bad_news_is_not(clock: ManualClock) -> None:
    admitting, storage, user_id = await admission_of_a_user(clock)

    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await admitting.to_read(user_id + 1)

    assert storage.readings == 2


async def test_no_more_actors_are_remembered_than_there_is_room_for(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hashpost.testing.contracts.keeping import kept_user

    monkeypatch.setattr(admission, "REMEMBERED_ACTORS", 2)
    admitting, storage, first = await admission_of_a_user(clock)
    others = [(await kept_user(storage)).id for _ in range(2)]

    for actor in (first, *others, others[0], others[1], first):
        await admitting.to_read(actor)

    assert storage.readings == 4
