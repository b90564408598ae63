"""What a keeper must do for imports and for recounts."""

import asyncio
from hashlib import sha256

from hashpost.application.ports import Audited, Storage
from hashpost.domain.post import Post
from hashpost.testing.builders import a_deleted, a_post
from hashpost.testing.contracts.keeping import change, keep_posts, kept_user


def a_key(number: int) -> bytes:
    """The key of some line."""
    return sha256(str(number).encode()).digest()


class ImportsContract:
    """The port `Imports`. Fixture: `storage`, empty."""

    async def test_a_key_is_claimed_once(self, storage: Storage) -> None:
        async with storage.transaction() as tx:
            first = await tx.imports.claim([a_key(1), a_key(2)])
        async with storage.transaction() as tx:
            second = await tx.imports.claim([a_key(2), a_key(3)])
            third = await tx.imports.claim([a_key(3)])

        assert set(first) == {a_key(1), a_key(2)}
        assert set(second) == {a_key(3)}
        assert not third

    async def test_no_keys_at_all_may_be_claimed(self, storage: Storage) -> None:
        async with storage.transaction() as tx:
            assert not await tx.imports.claim([])

    async def test_of_parallel_claims_each_key_goes_to_one(self, storage: Storage) -> None:
        async def claim(numbers: list[int]) -> list[bytes]:
            async with storage.transaction() as tx:
                return list(await tx.imports.claim([a_key(number) for number in numbers]))

        upwards = list(range(200))
        claims = await asyncio.gather(
            *(claim(upwards if turn % 2 else upwards[::-1]) for turn in range(6))
        )

        assert sorted(key for keys in claims for key in keys) == sorted(map(a_key, upwards))

    async def test_a_claim_that_was_rolled_back_is_none(self, storage: Storage) -> None:
        try:
            async with storage.transaction() as tx:
                await tx.imports.claim([a_key(1)])
                raise LookupError
        except LookupError:
            pass

        async with storage.transaction() as tx:
            assert set(await tx.imports.claim([a_key(1)])) == {a_key(1)}


def _audited(
    post: Post, *, is_live: bool, tags: tuple[str, ...], listed: frozenset[str]
) -> Audited:
    return Audited(
        post_id=post.id,
        owner_id=post.owner.id,
        text=post.text,
        is_live=is_live,
        tags=tags,
        listed=listed,
    )


class AuditContract:
    """The port `Audit`. Fixture: `storage`, empty."""

    async def test_every_post_is_shown_by_id_with_its_hashtags_and_places(
        self, storage: Storage
    ) -> None:
        user = await kept_user(storage)
        live, deleted, plain = (
            a_post(user, "#b #a #B"),
            a_post(user, "#a #c"),
            a_post(user, "plain"),
        )
        await keep_posts(storage, live, deleted, plain)
        await change(storage, deleted, a_deleted(deleted))

        async with storage.reading() as reading:
            first = await reading.audit.posts(after=0, limit=2)
            second = await reading.audit.posts(after=first[-1].post_id, limit=2)
            third = await reading.audit.posts(after=second[-1].post_id, limit=2)

        assert [*first, *second, *third] == [
            _audited(live, is_live=True, tags=("b", "a"), listed=frozenset({"a", "b"})),
            _audited(deleted, is_live=False, tags=("a", "c"), listed=frozenset()),
            _audited(plain, is_live=True, tags=(), listed=frozenset()),
        ]
        assert (len(first), len(second)) == (2, 1)

    async def test_there_are_no_strays(self, storage: Storage) -> None:
        await keep_posts(storage, a_post(await kept_user(storage), "#a"))

        async with storage.reading() as reading:
            assert not await reading.audit.strays(limit=10)
