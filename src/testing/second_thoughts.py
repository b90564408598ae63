"""Random second thoughts: retries under keys, restores, versions, log-outs, accounts that end."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import multiple, rule

from hashpost.domain.ids import unix_ms
from hashpost.testing.histories import PAGES, PostHistories
from hashpost.testing.model import DAY, KEPT, NOBODY, Answer, Failure, text_is_wrong, wrong

KEYS = ["a", "A", "~" * 255]
WRONG_KEYS = ["", "a b", "x" * 256]
RETRIED = ["#world again", "#a #b", " "]
NUMBERED = [paging for paging in PAGES if "cursor" not in paging]
LASTING = "ada"
"""Who never goes, so that there is always somebody."""


class SecondThoughts(PostHistories):
    """Besides what `PostHistories` do: whatever is done again, undone, or ended."""

    # Again

    @rule(
        target=PostHistories.posts,
        access=PostHistories.accesses,
        text=st.sampled_from(RETRIED),
        key=st.sampled_from(KEYS * 4 + WRONG_KEYS),
    )
    def create_post_under_a_key(self, access: Any, text: str, key: str) -> Any:
        """A user writes a post, perhaps once more."""
        token = access["access"]
        answer = self.subject.create_post(token, text, key=key)
        if not self.model.may_act(token, self.clock.now):
            self.check_nobody(token, answer, text)
            return multiple()
        faults = {"text"} if text_is_wrong(text) else set()
        faults |= {"Idempotency-Key"} if key in WRONG_KEYS else set()
        if faults:
            assert answer == wrong(*faults)
            return multiple()
        asked = ("create", text)
        expected = self.answer_under_a_key(token, key, asked)
        if expected is not None:
            assert answer == expected
            return multiple()
        self.check_creation(token, answer, text)
        self.model.requests[self.model.actor(token), key] = (asked, answer, self.clock.now)
        return answer["id_post"]

    def answer_under_a_key(self, access: str, key: str, asked: Any) -> Answer:
        """What must be answered because of an earlier request, if there was one."""
        earlier = self.model.requests.get((self.model.actor(access), key))
        if earlier is None or self.clock.now - earlier[2] >= DAY:
            return None
        return earlier[1] if earlier[0] == asked else Failure("idempotency-key-reused")

    # Undone

    @rule(
        access=PostHistories.accesses,
        post_id=PostHistories.posts,
        key=st.sampled_from([None, None, None, *KEYS]),
    )
    def restore_post(self, access: Any, post_id: int, key: str | None) -> None:
        """A user restores a post, live or deleted, one's own or not."""
        token = access["access"]
        answer = self.subject.restore_post(token, post_id, key=key)
        if not self.model.may_act(token, self.clock.now):
            assert answer == NOBODY
            return
        asked = ("restore", post_id)
        expected = None if key is None else self.answer_under_a_key(token, key, asked)
        if expected is not None:
            assert answer == expected
            return
        post = self.model.posts[post_id]
        user_id = self.model.actor(token)
        deleted_at = self.model.deleted.get(post_id, self.clock.now)
        if post["owner"]["id"] != user_id or self.clock.now >= deleted_at + KEPT:
            assert answer == Failure("post-not-found")
            return
        assert answer == post
        self.model.deleted.pop(post_id, None)
        if key is not None:
            self.model.requests[user_id, key] = (asked, post, self.clock.now)

    @rule(access=PostHistories.accesses, paging=st.sampled_from(NUMBERED))
    def list_deleted_posts(self, access: Any, paging: Any) -> None:
        """A user reads a page of what can be restored."""
        token = access["access"]
        user_id = self.model.actor(token)
        answer = self.subject.list_deleted_posts(token, paging)
        if user_id in self.model.gone:
            return  # a look that is remembered may still show something, or no more
        deleted = sorted(
            (
                (deleted_at, post_id)
                for post_id, deleted_at in self.model.deleted.items()
                if self.model.posts[post_id]["owner"]["id"] == user_id
                and deleted_at > self.clock.now - KEPT
            ),
            reverse=True,
        )
        page, size = paging.get("page", 1), paging.get("page_size", 20)
        start = (page - 1) * size
        result = [
            self.model.posts[post_id] | {"deleted_at": at, "purge_at": at + KEPT}
            for at, post_id in deleted[start : start + size]
        ]
        expected: Answer = {
            "count": len(deleted),
            "page": page,
            "page_size": size,
            "has_next": start + size < len(deleted),
            "has_previous": page > 1,
            "next_cursor": None,
            "result": result,
        }
        if page > 1 and not result:
            expected = Failure("page-out-of-range")
        self.check_read(token, answer, expected)

    # Versions

    def version(self, post_id: int) -> str:
        """The name of the version that the post has."""
        edited_at = self.model.posts[post_id]["edited_at"]
        return f"{post_id}.{0 if edited_at is None else unix_ms(edited_at)}"

    @rule(
        access=PostHistories.accesses,
        post_id=PostHistories.posts,
        is_new=st.booleans(),
        deletes=st.booleans(),
    )
    def change_a_version(self, access: Any, post_id: int, *, is_new: bool, deletes: bool) -> None:
        """A user changes a post in the version that it has, or in another."""
        version = self.version(post_id) + ("" if is_new else "1")
        failure = self.failure_to_write(access["access"], post_id)
        if failure is None and not is_new:
            failure = Failure("precondition-failed")
        if deletes:
            answer = self.subject.delete_post(access["access"], post_id, version=version)
            self.check_deletion(answer, failure, post_id)
        else:
            answer = self.subject.edit_post(access["access"], post_id, "#a #v", version=version)
            self.check_edit(answer, failure, post_id, "#a #v")

    # Ended

    @rule(refresh=PostHistories.refreshes)
    def revoke(self, refresh: Any) -> None:
        """A user logs out, with a token of whatever age."""
        token = refresh["refresh"]
        assert self.subject.revoke(token) is None
        session = next(each for each in self.model.sessions if token in each.chain)
        session.revoked_at = session.revoked_at or self.clock.now

    @rule(access=PostHistories.accesses, username=PostHistories.names)
    def read_user(self, access: Any, username: str) -> None:
        """A user reads of another, who may have gone."""
        user_id = self.model.user_named(username)
        assert user_id is not None
        answer = self.subject.read_user(access["access"], user_id)
        posts = self.model.live(lambda post: post["owner"]["id"] == user_id)
        expected: Answer = {
            "id": user_id,
            "username": self.model.usernames[user_id],
            "post_count": len(posts),
        }
        if user_id in self.model.gone:
            expected = Failure("user-not-found")
        if isinstance(answer, dict):
            del answer["created_at"]
        self.check_read(access["access"], answer, expected)

    @rule(access=PostHistories.accesses, knows=st.booleans())
    def delete_user(self, access: Any, *, knows: bool) -> None:
        """A user goes, if the password is right."""
        token = access["access"]
        user_id = self.model.actor(token)
        if self.model.usernames[user_id].lower() == LASTING:
            return
        password = self.model.passwords[user_id] if knows else "something else"
        answer = self.subject.delete_user(token, password)
        if not self.model.may_act(token, self.clock.now):
            # A read may still see the token as good: then it is the password that is looked at.
            assert answer in (NOBODY, Failure("wrong-password"))
        elif not knows:
            assert answer == Failure("wrong-password")
        else:
            assert answer is None
            self.model.delete_user(user_id, self.clock.now)
