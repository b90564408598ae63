"""What a keeper of trends must do."""

import asyncio
from collections.abc import Sequence

import pytest

from hashpost.application.ports import Storage
from hashpost.domain.trend import Trend
from hashpost.testing.builders import a_trend


async def trends(storage: Storage) -> list[Trend]:
    """All of them, by name."""
    async with storage.reading() as reading:
        return sorted(await reading.trends.all(), key=lambda trend: trend.name)


async def replace_all(storage: Storage, by: Sequence[Trend]) -> None:
    """Replace what is there."""
    async with storage.transaction() as tx:
        await tx.trends.replace(by)
        await asyncio.sleep(0)


class TrendsContract:
    """The port `Trends`. Fixture: `storage`, empty."""

    async def test_there_are_none_at_first(self, storage: Storage) -> None:
        assert await trends(storage) == []

    async def test_trends_are_found_as_they_were_kept(self, storage: Storage) -> None:
        kept = [
            a_trend("a", peak=1.0),
            a_trend("z", peak=1 / 3, users=(2**31 - 1, 0)),
            a_trend("\U00020000", peak=1e300),
        ]

        await replace_all(storage, kept)

        assert await trends(storage) == kept

    async def test_what_is_replaced_is_gone(self, storage: Storage) -> None:
        await replace_all(storage, [a_trend("a"), a_trend("b")])
        later = [a_trend("b", peak=2.0), a_trend("c")]

        await replace_all(storage, later)
        after_later = await trends(storage)
        await replace_all(storage, [])

        assert after_later == later
        assert await trends(storage) == []

    async def test_a_replacement_that_is_rolled_back_changes_nothing(
        self, storage: Storage
    ) -> None:
        kept = [a_trend("a")]
        await replace_all(storage, kept)

        with pytest.raises(LookupError):
            async with storage.transaction() as tx:
                await tx.trends.replace([a_trend("b")])
                raise LookupError

        assert await trends(storage) == kept

    async def test_a_transaction_sees_its_own_replacement_and_others_see_it_later(
        self, storage: Storage
    ) -> None:
        old, new = [a_trend("a")], [a_trend("b")]
        await replace_all(storage, old)

        async with storage.transaction() as tx:
            await tx.trends.replace(new)
            own = await tx.trends.all()
            others = await trends(storage)

        assert (list(own), others) == (new, old)

    async def test_of_replacements_at_once_one_stays_whole(self, storage: Storage) -> None:
        names = [f"name_{number}" for number in range(10)]
        alike = [[a_trend(name) for name in order] for order in (names, names[::-1]) * 5]
        disjoint = [[a_trend(f"{name}_{number}") for name in names] for number in range(10)]

        await asyncio.gather(*(replace_all(storage, each) for each in (*alike, *disjoint)))

        kept = await trends(storage)
        by_name = [sorted(each, key=lambda trend: trend.name) for each in (*alike, *disjoint)]
        assert kept in by_name
