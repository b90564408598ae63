from collections import Counter
from datetime import UTC, datetime

from bench.world import CALLERS, DELETED, PostRow, World, hashtag, hashtags_of, users_of
from hashpost.domain import hashtag as hashtags
from hashpost.domain.ids import time_of, unix_ms
from hashpost.domain.post import text_faults

UNTIL = datetime(2026, 11, 22, 6, tzinfo=UTC)
POSTS = 3000


def posts(seed: int = 1) -> list[PostRow]:
    return [post for batch in World(POSTS, UNTIL, seed).batches() for post in batch]


def test_a_world_has_as_many_posts_as_it_says() -> None:
    assert len(posts()) == POSTS


def test_the_same_seed_makes_the_same_world() -> None:
    assert posts() == posts()


def test_another_seed_makes_another() -> None:
    assert posts(seed=1) != posts(seed=2)


def test_posts_come_in_the_order_of_their_ids_and_lie_in_the_past() -> None:
    ids = [post.id for post in posts()]

    assert ids == sorted(set(ids))
    assert time_of(ids[-1]) < UNTIL


def test_tags_are_what_stands_in_the_text() -> None:
    assert all(tuple(post.tags.split()) == hashtags.names(post.text) for post in posts())


def test_every_text_could_have_been_posted() -> None:
    assert not [fault for post in posts() for fault in text_faults(post.text)]


def test_some_posts_are_deleted_after_they_were_written() -> None:
    deleted = [post for post in posts() if post.deleted_at is not None]

    assert DELETED / 2 < len(deleted) / POSTS < DELETED * 2
    assert all(post.id >> 11 <= (post.deleted_at or 0) < unix_ms(UNTIL) for post in deleted)


def test_few_hashtags_are_used_most() -> None:
    counts = Counter(name for post in posts() for name in post.tags.split())

    assert counts.most_common(1)[0][0] == hashtag(0)
    assert 1.5 < counts[hashtag(0)] / counts[hashtag(1)] < 2.7


def test_of_a_million_posts_there_are_twenty_thousand_users_and_fifty_thousand_hashtags() -> None:
    assert len(World(1_000_000, UNTIL).user_ids()) == users_of(1_000_000) == 20_000
    assert hashtags_of(1_000_000) == 50_000


def test_every_hashtag_has_a_name_of_its_own() -> None:
    count = hashtags_of(10_000_000)

    assert len({hashtag(rank) for rank in range(count)}) == count == 500_000


def test_all_callers_are_users_however_few_posts_there_are() -> None:
    assert len(World(1, UNTIL).user_ids()) == CALLERS
