"""Writing, reading, editing and deleting posts."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from hashpost.application.service import Service
from hashpost.domain.errors import (
    InvalidInput,
    NotTheOwner,
    PageOutOfRange,
    PostNotFound,
    PreconditionFailed,
)
from hashpost.domain.user import User
from hashpost.testing.clock import START, ManualClock

PASSWORD = "correct horse battery"


@pytest.fixture
async def ada(service: Service) -> User:
    return await service.sign_up(username="ada", password=PASSWORD)


@pytest.fixture
async def bob(service: Service) -> User:
    return await service.sign_up(username="bob", password=PASSWORD)


async def test_a_post_can_be_read_by_everybody(service: Service, ada: User, bob: User) -> None:
    post = await service.create_post(ada.id, " Hello #World ")

    assert await service.read_post(bob.id, post.id) == post
    assert (post.text, post.tags, post.created_at) == ("Hello #World", ("world",), START)
    assert (post.owner.id, post.owner.username) == (ada.id, "ada")


async def test_an_edit_moves_a_post_from_old_to_new_hashtags(
    service: Service, clock: ManualClock, ada: User
) -> None:
    post = await service.create_post(ada.id, "#old #both")
    clock.advance(seconds=1)

    edited = await service.edit_post(ada.id, post.id, "#both #new")

    assert edited.edited_at == START + timedelta(seconds=1)
    assert await service.read_post(ada.id, post.id) == edited
    assert [tag.name for tag in await service.popular_hashtags(ada.id)] == ["both", "new"]
    assert (await service.list_hashtag_posts(ada.id, "old")).count == 0
    assert (await service.list_hashtag_posts(ada.id, "new")).result == (edited,)


async def test_a_deleted_post_is_gone_for_everybody(
    service: Service, clock: ManualClock, ada: User
) -> None:
    post = await service.create_post(ada.id, "#gone")
    clock.advance(days=1)

    deletion = await service.delete_post(ada.id, post.id)

    assert deletion.id_post == post.id
    assert deletion.deleted_at == START + timedelta(days=1)
    assert deletion.purge_at == START + timedelta(days=31)
    with pytest.raises(PostNotFound):
        await service.read_post(ada.id, post.id)
    with pytest.raises(PostNotFound):
        await service.edit_post(ada.id, post.id, "back?")
    with pytest.raises(PostNotFound):
        await service.delete_post(ada.id, post.id)
    assert (await service.list_posts(ada.id)).count == 0
    assert (await service.list_user_posts(ada.id, ada.id)).count == 0
    assert (await service.list_hashtag_posts(ada.id, "gone")).count == 0
    assert await service.popular_hashtags(ada.id) == ()


async def test_a_stranger_cannot_edit_or_delete_a_post(
    service: Service, ada: User, bob: User
) -> None:
    post = await service.create_post(ada.id, "mine")

    with pytest.raises(NotTheOwner):
        await service.edit_post(bob.id, post.id, "yours")
    with pytest.raises(NotTheOwner):
        await service.delete_post(bob.id, post.id)

    assert await service.read_post(ada.id, post.id) == post


async def test_a_wrong_text_changes_nothing(service: Service, ada: User) -> None:
    post = await service.create_post(ada.id, "fine")

    with pytest.raises(InvalidInput):
        await service.create_post(ada.id, "")
    with pytest.raises(InvalidInput):
        await service.edit_post(ada.id, post.id, "\x00")

    assert (await service.list_posts(ada.id)).result == (post,)


async def test_a_wrong_text_is_told_before_a_wrong_post(service: Service, ada: User) -> None:
    with pytest.raises(InvalidInput):
        await service.edit_post(ada.id, 1, "")


async def test_a_post_that_is_not_there_cannot_be_touched(service: Service, ada: User) -> None:
    with pytest.raises(PostNotFound):
        await service.read_post(ada.id, 1)
    with pytest.raises(PostNotFound):
        await service.edit_post(ada.id, 1, "x")
    with pytest.raises(PostNotFound):
        await service.delete_post(ada.id, 1)


@dataclass
class StubbornIds:
    """Ids that come in pairs, as from two processes that mint the same ones."""

    next_id: int
    calls: int = 0

    def next(self, at: datetime) -> int:
        """The same id twice, then another one."""
        assert at == START
        self.calls += 1
        return self.next_id + self.calls // 2

    def backdated(self, at: datetime, *, attempt: int) -> int:
        """The first id of the window, each time."""
        assert at == START
        return self.next_id + attempt


async def test_an_id_that_is_taken_is_minted_again(service: Service, ada: User) -> None:
    ids = StubbornIds(ada.id + 5)
    create = replace(service.create_post, ids=ids)

    posts = [await create(ada.id, f"{number}") for number in range(4)]

    assert [post.id for post in posts] == [ada.id + 5 + number for number in range(4)]
    assert (await service.list_posts(ada.id)).result == tuple(reversed(posts))


async def test_a_user_and_a_session_with_a_taken_id_get_another(
    service: Service, ada: User
) -> None:
    sign_up = replace(service.sign_up, ids=StubbornIds(ada.id))
    log_in = replace(service.log_in, ids=StubbornIds(ada.id))

    bob = await sign_up(username="bob", password=PASSWORD)
    first = await log_in(username="ada", password=PASSWORD)
    second = await replace(log_in, ids=StubbornIds(ada.id))(username="bob", password=PASSWORD)

    assert bob.id == ada.id + 1
    sessions = [
        (await service.authenticate(tokens.access)).session_id for tokens in (first, second)
    ]
    assert sessions == [ada.id, ada.id + 1]


async def test_a_restored_post_is_as_it_was_and_where_it_was(
    service: Service, clock: ManualClock, ada: User, bob: User
) -> None:
    older = await service.create_post(ada.id, "#a #b")
    post = await service.create_post(ada.id, "#b #c")
    clock.advance(seconds=1)
    post = await service.edit_post(ada.id, post.id, "#b #d")
    newer = await service.create_post(bob.id, "#b")
    before = [await service.list_posts(bob.id), await service.popular_hashtags(bob.id)]
    await service.delete_post(ada.id, post.id)
    clock.advance(days=30, milliseconds=-1)

    restored = await service.restore_post(ada.id, post.id)

    assert restored == post
    assert await service.read_post(bob.id, post.id) == post
    assert [await service.list_posts(bob.id), await service.popular_hashtags(bob.id)] == before
    assert (await service.list_hashtag_posts(bob.id, "b")).result == (newer, post, older)
    assert (await service.list_user_posts(bob.id, ada.id)).result == (post, older)


async def test_a_live_post_is_restored_to_what_it_is(service: Service, ada: User) -> None:
    post = await service.create_post(ada.id, "#a")

    assert await service.restore_post(ada.id, post.id) == post
    assert (await service.list_posts(ada.id)).count == 1


async def test_nobody_restores_what_is_not_there_or_not_theirs(
    service: Service, clock: ManualClock, ada: User, bob: User
) -> None:
    live, deleted = [await service.create_post(ada.id, "#a") for _ in range(2)]
    await service.delete_post(ada.id, deleted.id)

    for user, post_id in ((bob, live.id), (bob, deleted.id), (ada, 1)):
        with pytest.raises(PostNotFound):
            await service.restore_post(user.id, post_id)
    clock.advance(days=30)
    with pytest.raises(PostNotFound):
        await service.restore_post(ada.id, deleted.id)


async def test_deleted_posts_are_listed_in_pages_until_they_cannot_be_restored(
    service: Service, clock: ManualClock, ada: User, bob: User
) -> None:
    posts = [await service.create_post(ada.id, f"#n{number}") for number in range(3)]
    await service.delete_post(bob.id, (await service.create_post(bob.id, "#b")).id)
    for post in (posts[1], posts[2], posts[0]):
        clock.advance(days=1)
        await service.delete_post(ada.id, post.id)

    first = await service.list_deleted_posts(ada.id, page_size=2)
    second = await service.list_deleted_posts(ada.id, page=2, page_size=2)
    clock.advance(days=28)
    later = await service.list_deleted_posts(ada.id)

    assert [post.id for post, _ in first.result] == [posts[0].id, posts[2].id]
    assert first.result[0][1].purge_at == START + timedelta(days=33)
    assert (first.count, first.has_next, first.has_previous) == (3, True, False)
    assert [post.id for post, _ in second.result] == [posts[1].id]
    assert (second.count, second.has_next, second.has_previous) == (3, False, True)
    assert [post.id for post, _ in later.result] == [posts[0].id, posts[2].id]
    assert later.count == 2


async def test_a_page_of_deleted_posts_that_is_not_there_is_an_error(
    service: Service, ada: User
) -> None:
    assert (await service.list_deleted_posts(ada.id)).result == ()
    with pytest.raises(PageOutOfRange):
        await service.list_deleted_posts(ada.id, page=2)
    with pytest.raises(InvalidInput) as wrong:
        await service.list_deleted_posts(ada.id, page=0, page_size=101)
    assert [error.field for error in wrong.value.errors] == ["page", "page_size"]


async def test_a_change_may_be_made_of_one_version_only(
    service: Service, clock: ManualClock, ada: User, bob: User
) -> None:
    first = await service.create_post(ada.id, "one")
    clock.advance(seconds=1)
    second = await service.edit_post(ada.id, first.id, "two", versions=[first.version, "x"])

    with pytest.raises(PreconditionFailed):
        await service.edit_post(ada.id, first.id, "three", versions=[first.version])
    with pytest.raises(PreconditionFailed):
        await service.delete_post(ada.id, first.id, versions=[])
    with pytest.raises(NotTheOwner):
        await service.edit_post(bob.id, first.id, "three", versions=[])
    assert await service.read_post(ada.id, first.id) == second
    await service.delete_post(ada.id, first.id, versions={second.version})
    with pytest.raises(PostNotFound):
        await service.delete_post(ada.id, first.id, versions=[second.version])
