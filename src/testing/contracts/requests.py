"""What a keeper of requests under idempotency keys must do."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from hashpost.application.ports import Storage
from hashpost.domain.idempotency import IdempotentRequest
from hashpost.testing.builders import a_request

SECOND = timedelta(seconds=1)


async def claim(
    storage: Storage, request: IdempotentRequest, *, forgotten: datetime | None = None
) -> IdempotentRequest | None:
    """Claim the key, and keep the answer if it was free."""
    async with storage.transaction() as tx:
        earlier = await tx.requests.claim(
            request, forgotten=forgotten or request.made_at - timedelta(days=1)
        )
        if earlier is None:
            await tx.requests.save(request)
        return earlier


class IdempotentRequestsContract:
    """The port `IdempotentRequests`. Fixture: `storage`, empty."""

    @pytest.mark.parametrize("key", ["k", "~!\"#$%&'()*", "x" * 255])
    async def test_a_key_is_claimed_once_and_leads_to_the_first_request(
        self, storage: Storage, key: str
    ) -> None:
        first = a_request(key=key, answer='"an answer, \u65e5\u672c"')
        second = replace(first, fingerprint=bytes(32), answer="another")

        assert await claim(storage, first) is None
        assert await claim(storage, second) == first
        assert await claim(storage, second) == first

    async def test_keys_are_told_apart_by_user_and_by_case(self, storage: Storage) -> None:
        first = a_request(key="Key")
        others = [replace(first, key="key"), replace(first, user_id=first.user_id + 1)]

        answers = [await claim(storage, each) for each in (first, *others)]

        assert answers == [None, None, None]
        assert [await claim(storage, each) for each in others] == others

    async def test_what_was_rolled_back_is_not_remembered(self, storage: Storage) -> None:
        request = a_request()

        with pytest.raises(ZeroDivisionError):
            async with storage.transaction() as tx:
                await tx.requests.claim(request, forgotten=request.made_at - SECOND)
                await tx.requests.save(request)
                raise ZeroDivisionError

        assert await claim(storage, request) is None

    async def test_a_request_is_forgotten_from_its_moment_on(self, storage: Storage) -> None:
        first = a_request()
        later = replace(
            first, fingerprint=bytes(32), made_at=first.made_at + SECOND, answer="later"
        )
        await claim(storage, first)

        before = await claim(storage, later, forgotten=first.made_at - SECOND)
        after = await claim(storage, later, forgotten=first.made_at)

        assert (before, after) == (first, None)
        assert await claim(storage, first) == later

    async def test_of_many_claims_at_once_one_wins_and_the_others_get_its_answer(
        self, storage: Storage
    ) -> None:
        keys = [a_request().key for _ in range(5)]
        requests = [
            replace(a_request(), user_id=1, key=key, answer=f"{turn}")
            for turn in range(8)
            for key in keys
        ]

        async def slowly(request: IdempotentRequest) -> str | None:
            async with storage.transaction() as tx:
                earlier = await tx.requests.claim(request, forgotten=request.made_at - SECOND)
                await asyncio.sleep(0)
                if earlier is None:
                    await tx.requests.save(request)
                return None if earlier is None else earlier.answer

        answers = await asyncio.gather(*map(slowly, requests))

        for key in keys:
            told = [
                (request.answer, answer)
                for request, answer in zip(requests, answers, strict=True)
                if request.key == key
            ]
            winners = [own for own, answer in told if answer is None]
            assert len(winners) == 1
            assert {answer for _, answer in told} == {None, winners[0]}

    async def test_who_comes_second_after_a_failure_is_first(self, storage: Storage) -> None:
        request = a_request()
        has_claimed = asyncio.Event()

        async def fail() -> None:
            async with storage.transaction() as tx:
                await tx.requests.claim(request, forgotten=request.made_at - SECOND)
                has_claimed.set()
                await asyncio.sleep(0.01)
                raise ZeroDivisionError

        async def come_second() -> IdempotentRequest | None:
            await has_claimed.wait()
            return await claim(storage, request)

        failed, second = await asyncio.gather(fail(), come_second(), return_exceptions=True)

        assert isinstance(failed, ZeroDivisionError)
        assert second is None

    async def test_those_of_a_user_are_forgotten_up_to_a_limit(self, storage: Storage) -> None:
        mine = [a_request(user_id=1) for _ in range(3)]
        other = a_request(user_id=2)
        for request in (*mine, other):
            await claim(storage, request)

        async with storage.transaction() as tx:
            counts = [await tx.requests.forget(1, limit=2) for _ in range(3)]

        assert counts == [2, 1, 0]
        assert [await claim(storage, each) for each in mine] == [None, None, None]
        assert await claim(storage, other) == other

    async def test_old_ones_are_purged_up_to_a_limit(self, storage: Storage) -> None:
        requests = [a_request() for _ in range(5)]
        moment = requests[0].made_at
        aged = [
            replace(request, made_at=moment + number * SECOND)
            for number, request in enumerate(requests)
        ]
        for request in aged:
            await claim(storage, request)

        counts = []
        for _ in range(3):
            async with storage.transaction() as tx:
                counts.append(await tx.requests.purge(before=moment + 3 * SECOND, limit=2))

        assert counts == [2, 1, 0]
        assert [await claim(storage, each) for each in aged] == [None] * 3 + aged[3:]
