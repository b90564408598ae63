"""The state machine: random histories, in which service and model must agree on every answer.

A test module inherits from `ServiceMachine`, says in `new_subject` what is to be tested, and takes
`TestCase` from the class, as Hypothesis has it.
"""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, multiple, rule

from hashpost.domain import hashtag
from hashpost.testing.histories import (
    NAMES,
    PAGES,
    PASSWORDS,
    SPELLINGS,
    WRONG_PAGES,
    WRONG_PASSWORDS,
    WRONG_SPELLINGS,
    PostHistories,
    paging_faults,
)
from hashpost.testing.model import NOBODY, RESET_TTL, Answer, Failure, sign_up_faults, wrong
from hashpost.testing.second_thoughts import SecondThoughts

HARMLESS_JOBS = ["purge-deleted-posts", "purge-expired", "self-check"]
"""Jobs after which every answer is as before."""


class ServiceMachine(SecondThoughts):
    """Besides what `SecondThoughts` do: passwords, mails, favourites, digests, trends, jobs."""

    resets = Bundle("resets")
    favorite_cursors = Bundle("favorite_cursors")

    @property
    def now(self) -> datetime:
        """The time of the service."""
        now: datetime = self.clock.now
        return now

    @initialize(targets=(PostHistories.accesses, PostHistories.refreshes))
    def begin(self) -> Any:
        """Two users are there who share a hashtag; one has an address, favourites and a digest."""
        self.sign_up(username="ada", password=PASSWORDS[0], email="ada@example.com")
        self.sign_up(username="bob", password=PASSWORDS[1], email=None)
        ada = self.log_in(username="ada", change_case=False)
        bob = self.log_in(username="bob", change_case=False)
        for access, text in ((ada, "#world #a"), (bob, "#World"), (ada, "#b"), (bob, "#news #a")):
            self.create_post(access=access, text=text)
        for spelling in ("#WORLD", "b", "news"):
            self.change_favorites(access=ada, spelling=spelling, add=True)
        self.set_digest(access=ada, weekly=True)
        return multiple(ada, bob)

    # Oneself

    @rule(access=PostHistories.accesses)
    def read_me(self, access: Any) -> None:
        """A user reads what is known of oneself."""
        user_id = self.model.actor(access["access"])
        posts = self.model.live(lambda post: post["owner"]["id"] == user_id)
        expected = {
            "id": user_id,
            "username": self.model.usernames[user_id],
            "post_count": len(posts),
            "email": self.model.emails[user_id],
            "weekly_digest": user_id in self.model.digests,
        }
        answer = self.subject.read_me(access["access"])
        if isinstance(answer, dict):
            del answer["created_at"]
        self.check_read(access["access"], answer, expected)

    @rule(
        access=PostHistories.accesses,
        knows=st.sampled_from([True, True, False]),
        new=st.sampled_from([*PASSWORDS * 5, *WRONG_PASSWORDS, *NAMES]),
    )
    def change_password(self, access: Any, new: str, *, knows: bool) -> None:
        """A user changes the password, knowing the old one or not."""
        token = access["access"]
        user_id = self.model.actor(token)
        old = self.model.passwords[user_id] if knows else "something else"
        answer = self.subject.change_password(token, old, new)
        if not self.model.may_act(token, self.now):
            # A read may still see the token as good: then it is the password that is looked at.
            assert answer in (NOBODY, Failure("wrong-password"), wrong("new_password"))
        elif "password" in sign_up_faults(self.model.usernames[user_id], new, None):
            assert answer == wrong("new_password")
        elif not knows:
            assert answer == Failure("wrong-password")
        else:
            assert answer is None
            self.model.set_password(user_id, new, self.now)

    @rule(access=PostHistories.accesses, weekly=st.booleans())
    def set_digest(self, access: Any, *, weekly: bool) -> None:
        """A user orders or cancels the digest."""
        answer = self.subject.set_digest(access["access"], weekly=weekly)
        if not self.model.may_act(access["access"], self.now):
            assert answer == NOBODY
            return
        assert answer is None
        user_id = self.model.actor(access["access"])
        (self.model.digests.add if weekly else self.model.digests.discard)(user_id)

    # Mails

    @rule(target=resets, username=PostHistories.names)
    def reset_password(self, username: str) -> Any:
        """Somebody asks for a reset, and the mails go out."""
        user_id = self.model.user_named(username)
        assert user_id is not None
        assert self.subject.request_password_reset({"username": username}) is None
        self.model.send("password-reset-mail", user_id)
        tokens = self.deliver()
        if self.model.emails[user_id] is None:
            return multiple()
        return tokens[-1], user_id, self.model.generations[user_id], self.now + RESET_TTL

    @rule(asked=st.sampled_from([{"username": "nobody"}, {"email": "nobody@example.com"}]))
    def reset_the_password_of_nobody(self, asked: Any) -> None:
        """Somebody asks for a reset for a user that is not there: it looks the same."""
        assert self.subject.request_password_reset(asked) is None
        self.deliver()

    @rule(asked=st.sampled_from([{}, {"username": "ada", "email": "ada@example.com"}]))
    def reset_wrongly(self, asked: Any) -> None:
        """Somebody asks for a reset by neither or both of name and address."""
        assert self.subject.request_password_reset(asked) == wrong("username")

    @rule(reset=resets, new=st.sampled_from(PASSWORDS * 3 + WRONG_PASSWORDS))
    def confirm_reset(self, reset: Any, new: str) -> None:
        """Somebody uses a token from a mail, perhaps once more or too late."""
        token, user_id, generation, expires_at = reset
        answer = self.subject.confirm_password_reset(token, new)
        if self.model.generations[user_id] != generation or self.now >= expires_at:
            assert answer == Failure("invalid-reset-token", frozenset({"token"}))
        elif "password" in sign_up_faults(self.model.usernames[user_id], new, None):
            assert answer == wrong("new_password")
        else:
            assert answer is None
            self.model.set_password(user_id, new, self.now)

    @rule()
    def send_mails(self) -> None:
        """All mails go out."""
        self.deliver()

    def deliver(self) -> list[str]:
        """Every mail that the model awaits goes out, once, and no other; the tokens in them."""
        sent = self.subject.deliver()
        awaited = [(job, self.model.usernames[user_id]) for job, user_id in self.model.mails]
        assert sorted((job, name) for job, name, _ in sent) == sorted(awaited)
        self.model.mails.clear()
        return [token for _, _, token in sent if token is not None]

    # Favourites

    @rule(
        access=PostHistories.accesses,
        spelling=st.sampled_from(SPELLINGS + WRONG_SPELLINGS),
        add=st.booleans(),
    )
    def change_favorites(self, access: Any, spelling: str, *, add: bool) -> None:
        """A user adds or removes a favourite, in some spelling."""
        call = self.subject.add_favorite if add else self.subject.remove_favorite
        answer = call(access["access"], spelling)
        if not self.model.may_act(access["access"], self.now):
            assert answer == NOBODY
        elif spelling in WRONG_SPELLINGS:
            assert answer == wrong("hashtag")
        else:
            assert answer is None
            favorites = self.model.favorites[self.model.actor(access["access"])]
            key = hashtag.names("#" + spelling.lstrip("#＃﹟"))[0]
            if add:
                favorites.setdefault(key, self.now)
            else:
                favorites.pop(key, None)

    @rule(access=PostHistories.accesses)
    def list_favorites(self, access: Any) -> None:
        """A user lists the favourites."""
        favorites = self.model.favorites[self.model.actor(access["access"])]
        by_name = sorted(favorites.items())
        expected = sorted(by_name, key=lambda favorite: favorite[1], reverse=True)
        self.check_read(access["access"], self.subject.list_favorites(access["access"]), expected)

    @rule(
        target=favorite_cursors,
        access=PostHistories.accesses,
        paging=st.sampled_from([*PAGES[:-1], *WRONG_PAGES, {"page": 10_001, "page_size": 1}]),
    )
    def list_favorite_posts(self, access: Any, paging: Any) -> Any:
        """A user reads a page of the posts under favourites."""
        return self.check_favorite_posts(access, paging, None)

    @rule(
        target=favorite_cursors,
        access=PostHistories.accesses,
        cursor=favorite_cursors,
        page_size=st.integers(1, 3),
    )
    def follow_a_cursor_of_favorites(self, access: Any, cursor: Any, page_size: int) -> Any:
        """A user goes on from where an answer ended, one's own or somebody else's."""
        owner, text, position = cursor
        own = owner == self.model.actor(access["access"])
        paging = {"cursor": text, "page_size": page_size}
        return self.check_favorite_posts(access, paging, position if own else None)

    def check_favorite_posts(self, access: Any, paging: Any, position: int | None) -> Any:
        """The page is what slicing gives; its cursor, for the bundle."""
        user_id = self.model.actor(access["access"])
        answer = self.subject.list_favorite_posts(access["access"], paging)
        expected = self.expected_favorite_posts(user_id, paging, position)
        if isinstance(answer, dict) and isinstance(expected, dict):
            assert (answer["next_cursor"] is not None) == expected["has_next"]
            expected["next_cursor"] = answer["next_cursor"]
        was_read = self.check_read(access["access"], answer, expected)
        if was_read and isinstance(expected, dict) and expected["has_next"]:
            return user_id, answer["next_cursor"], expected["result"][-1]["id_post"]
        return multiple()

    def expected_favorite_posts(self, user_id: int, paging: Any, position: int | None) -> Answer:
        """The page that the model has."""
        page, size = paging.get("page", 1), paging.get("page_size", 20)
        faults = paging_faults(paging, position)
        if faults or (page - 1) * size >= 10_000:
            return wrong(*(faults or {"page"}))
        posts = self.model.under_favorites(user_id)
        start = (
            (page - 1) * size
            if position is None
            else sum(post["id_post"] >= position for post in posts)
        )
        result = posts[start : start + size]
        if position is None and page > 1 and not result:
            return Failure("page-out-of-range")
        return {
            "count": None,
            "page": page if position is None else None,
            "page_size": size,
            "has_next": start + size < len(posts),
            "has_previous": page > 1 if position is None else None,
            "next_cursor": None,
            "result": result,
        }

    # Jobs

    @rule(job=st.sampled_from(HARMLESS_JOBS))
    def run_a_job_that_changes_no_answer(self, job: str) -> None:
        """Housekeeping happens."""
        self.subject.run_job(job)

    @rule()
    def score_trends(self) -> None:
        """Trends are scored."""
        self.subject.run_job("score-trends")
        self.model.score_trends(self.now)

    @rule()
    def send_digests(self) -> None:
        """Digests are sent."""
        self.deliver()
        self.subject.run_job("send-digests")
        self.model.send_digests(self.now)
        self.deliver()

    @rule(days=st.sampled_from([1, 3, 7]))
    def wait_for_the_next_digest(self, days: int) -> None:
        """Some days later somebody logs in and writes, and digests are sent."""
        self.clock.now += timedelta(days=days)
        writer = self.log_in(username="ada", change_case=False)
        self.create_post(access=writer, text="#world")
        self.clock.now += timedelta(milliseconds=1)
        self.send_digests()

    @rule()
    def delete_old_posts(self) -> None:
        """Old posts are deleted."""
        self.subject.run_job("delete-old-posts")
        self.model.delete_old(self.now)

    @rule(access=PostHistories.accesses, limit=st.sampled_from([1, 3, 50]))
    def trending_hashtags(self, access: Any, limit: int) -> None:
        """A user reads the trends."""
        answer = self.subject.trending_hashtags(access["access"], limit)
        self.check_read(access["access"], answer, self.model.trending(limit, self.now))
