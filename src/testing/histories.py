"""Random histories of sign-ups, log-ins, posts and timelines; `machine` adds the rest to them."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
)

from hashpost.domain import hashtag
from hashpost.domain.ids import time_of
from hashpost.testing.model import (
    ACCESS_TTL,
    KEPT,
    MILLISECOND,
    NOBODY,
    REFRESH_TTL,
    Answer,
    Failure,
    Model,
    ModelAccess,
    ModelSession,
    sign_up_faults,
    text_is_wrong,
    wrong,
)
from hashpost.testing.subjects import Subject

NAMES = ["ada", "Ada", "bob", "_", "eve.x-9", "x" * 30]
WRONG_NAMES = ["", "x" * 31, ".ada", "ada-", "a b", "ada\n", "ädä", "a\x00a"]
PASSWORDS = ["correct horse battery", "pässwörd 🙂🙂"]
WRONG_PASSWORDS = ["", "x" * 7, "x" * 257, "password", "PassWord1"]
TEXTS = [
    "Hello #World",
    "#world again #WORLD #news",
    "  #ＷＯＲＬＤ #日本語\n",
    "#a #b #c #d",
    "no hashtag",
    "#b",
    "#news #a & #año #ano",
    "x" * 5000,
    " ".join(f"#t{number}" for number in range(50)),
]
WRONG_TEXTS = [
    "",
    " \n\t",
    "\u200b\u2060 \u3164",
    "x" * 5001,
    "a\x00b",
    "a\x0bb",
    "a\rb",
    "a\x85b",
    " ".join(f"#t{number}" for number in range(51)),
]
SPELLINGS = ["world", "#WORLD", "＃World", "﹟ＷＯＲＬＤ", "news", "日本語", "año", "unused", "t49"]
WRONG_SPELLINGS = ["#", "##a", "a b", "a#b", "1", "a-b", "x" * 101, " a", "a·"]
PREFIXES = [
    ("w", "w"),
    ("#WOR", "wor"),
    ("＃Ｗｏｒｌｄ", "world"),
    ("n", "n"),
    ("日", "日"),
    ("a", "a"),
    ("an\u0303", "añ"),
    ("﹟t4", "t4"),
    ("t1\u200d", "t1"),
    ("a·", "a·"),
    ("2024", "2024"),
]
"""What is typed, and what names then begin with."""
WRONG_PREFIXES = ["", "#", "##w", " w", "a b", "a-", "\u0301a", "·a", "x" * 101]
PAGES = [
    {},
    {"page_size": 1},
    {"page": 2, "page_size": 1},
    {"page": 1, "page_size": 2},
    {"page": 2, "page_size": 2},
    {"page": 3, "page_size": 2},
    {"page": 2, "page_size": 3},
    {"page": 1},
    {"page": 2},
    {"page_size": 100},
    {"page": 2**53 - 1, "page_size": 100},
]
WRONG_PAGES = [
    {"page": 0},
    {"page": 2**53},
    {"page_size": 0},
    {"page": 0, "page_size": 101},
    {"page": 1, "cursor": "x"},
    {"cursor": "x", "page_size": 0},
    {"cursor": "x"},
]
STEPS = [
    timedelta(milliseconds=1),
    timedelta(milliseconds=4999),
    timedelta(milliseconds=5000),
    timedelta(milliseconds=9999),
    timedelta(milliseconds=10000),
    ACCESS_TTL - MILLISECOND,
    ACCESS_TTL,
    REFRESH_TTL,
]


class PostHistories(RuleBasedStateMachine):
    """Signs up, logs in, refreshes, posts, edits, deletes and reads, at random."""

    names = Bundle("names")
    accesses = Bundle("accesses")
    refreshes = Bundle("refreshes")
    posts = Bundle("posts")
    cursors = Bundle("cursors")

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.subject = self.new_subject()

    def new_subject(self) -> Subject:
        """An empty service with a clock of its own."""
        raise NotImplementedError

    @property
    def clock(self) -> Any:
        """The clock of the service."""
        return self.subject.clock

    def teardown(self) -> None:
        """Whatever happened, the storage agrees with a recount of itself."""
        assert self.subject.differences() == 0

    # Time

    @rule(step=st.sampled_from(STEPS))
    def wait(self, step: timedelta) -> None:
        """Time goes by."""
        self.clock.now += step

    # Accounts

    @rule(
        target=names,
        username=st.sampled_from(NAMES),
        password=st.sampled_from(PASSWORDS),
        email=st.sampled_from([None, "ada@example.com"]),
    )
    def sign_up(self, username: str, password: str, email: str | None) -> Any:
        """Somebody signs up, under a name that may be taken."""
        answer = self.subject.sign_up(username, password, email)
        if self.model.user_named(username) is not None:
            assert answer == Failure("username-taken")
            return multiple()
        self.minted(answer["id"])
        assert answer == {
            "id": answer["id"],
            "username": username,
            "created_at": self.clock.now,
        }
        self.model.add_user(answer["id"], username, password, email)
        return username

    @rule(
        username=st.sampled_from(NAMES + WRONG_NAMES),
        password=st.sampled_from([*WRONG_PASSWORDS, *PASSWORDS, *NAMES]),
        email=st.sampled_from([None, "ada", "a@b@c"]),
    )
    def sign_up_wrongly(self, username: str, password: str, email: str | None) -> None:
        """Somebody signs up with one or more wrong inputs."""
        faults = sign_up_faults(username, password, email)
        if faults:
            assert self.subject.sign_up(username, password, email) == wrong(*faults)

    @rule(
        targets=(accesses, refreshes),
        username=names,
        change_case=st.booleans(),
    )
    def log_in(self, username: str, *, change_case: bool) -> Any:
        """A user logs in."""
        user_id = self.model.user_named(username)
        assert user_id is not None
        spelling = username.swapcase() if change_case else username
        answer = self.subject.log_in(spelling, self.model.passwords[user_id])
        if user_id in self.model.gone:
            assert answer == Failure("invalid-credentials")
            return multiple()
        now = self.clock.now
        session = ModelSession(user_id, [answer["refresh"]], now, now + REFRESH_TTL)
        self.model.sessions.append(session)
        return self.tokens(answer, session)

    @rule(
        username=st.sampled_from(NAMES + WRONG_NAMES),
        password=st.sampled_from(PASSWORDS + WRONG_PASSWORDS),
    )
    def log_in_wrongly(self, username: str, password: str) -> None:
        """Somebody tries names and passwords."""
        user_id = self.model.user_named(username)
        if user_id is not None and self.model.passwords[user_id] == password:
            return
        expected = wrong("username") if "\x00" in username else Failure("invalid-credentials")
        assert self.subject.log_in(username, password) == expected

    @rule(targets=(accesses, refreshes), refresh=refreshes)
    def refresh(self, refresh: Any) -> Any:
        """A refresh token, current, just spent or long spent, is shown."""
        token = refresh["refresh"]
        session = next(each for each in self.model.sessions if token in each.chain)
        now = self.clock.now
        answer = self.subject.refresh(token)
        alive = session.revoked_at is None and now < session.expires_at
        if alive and token == session.chain[-1]:
            assert answer["refresh"] not in session.chain
            session.chain.append(answer["refresh"])
            session.spent_at, session.expires_at = now, now + REFRESH_TTL
            return self.tokens(answer, session)
        if alive and token == session.chain[-2] and now - session.spent_at < timedelta(seconds=10):
            assert answer["refresh"] == session.chain[-1]
            return self.tokens(answer, session)
        assert answer == Failure("invalid-refresh-token")
        if session.revoked_at is None and token != session.chain[-1]:
            session.revoked_at = now
        return multiple()

    @rule(token=st.sampled_from(["", "x", "A" * 43, "é", "a\x00b"]))
    def refresh_with_junk(self, token: str) -> None:
        """A refresh token that nobody gave out is shown."""
        answer = self.subject.refresh(token)
        if "\x00" in token:
            assert answer in (wrong("refresh"), Failure("invalid-refresh-token"))
        else:
            assert answer == Failure("invalid-refresh-token")

    @rule(token=st.sampled_from(["", "x", "a.b.c"]))
    def act_as_nobody(self, token: str) -> None:
        """Somebody without a token tries everything."""
        assert self.subject.create_post(token, "Hello") == NOBODY
        assert self.subject.edit_post(token, 1, "Hello") == NOBODY
        assert self.subject.delete_post(token, 1) == NOBODY
        assert self.subject.restore_post(token, 1) == NOBODY
        assert self.subject.list_deleted_posts(token, {}) == NOBODY
        assert self.subject.read_user(token, 1) == NOBODY
        assert self.subject.delete_user(token, "x" * 8) == NOBODY
        assert self.subject.read_post(token, 1) == NOBODY
        assert self.subject.list_posts(token, {}) == NOBODY
        assert self.subject.list_user_posts(token, 1, {}) == NOBODY
        assert self.subject.list_hashtag_posts(token, "a", {}) == NOBODY
        assert self.subject.popular_hashtags(token, 5) == NOBODY
        assert self.subject.trending_hashtags(token, 5) == NOBODY
        assert self.subject.complete_hashtags(token, "a", 5) == NOBODY
        assert self.subject.extract_hashtags(token, "#a") == NOBODY
        assert self.subject.read_me(token) == NOBODY
        assert self.subject.change_password(token, "x" * 8, "y" * 8) == NOBODY
        assert self.subject.set_digest(token, weekly=True) == NOBODY
        assert self.subject.add_favorite(token, "a") == NOBODY
        assert self.subject.remove_favorite(token, "a") == NOBODY
        assert self.subject.list_favorites(token) == NOBODY
        assert self.subject.list_favorite_posts(token, {}) == NOBODY
        assert self.subject.list_matching_posts(token, {"any": ["a"]}, {}) == NOBODY

    # Posts

    @rule(target=posts, access=accesses, text=st.sampled_from(TEXTS + WRONG_TEXTS))
    def create_post(self, access: Any, text: str) -> Any:
        """A user writes a post."""
        answer = self.subject.create_post(access["access"], text)
        if not self.model.may_act(access["access"], self.clock.now):
            self.check_nobody(access["access"], answer, text)
            return multiple()
        if text_is_wrong(text):
            assert answer == wrong("text")
            return multiple()
        self.check_creation(access["access"], answer, text)
        return answer["id_post"]

    def check_creation(self, access: str, answer: Answer, text: str) -> None:
        """A new post is the caller's, with the hashtags of its text."""
        user_id = self.model.actor(access)
        self.minted(answer["id_post"])
        post = {
            "id_post": answer["id_post"],
            "text": text.strip(),
            "owner": {"id": user_id, "username": self.model.usernames[user_id]},
            "created_at": self.clock.now,
            "edited_at": None,
            "tags": list(hashtag.names(text)),
        }
        assert answer == post
        self.model.posts[answer["id_post"]] = post

    @rule(access=accesses, post_id=posts, text=st.sampled_from(TEXTS + WRONG_TEXTS))
    def edit_post(self, access: Any, post_id: int, text: str) -> None:
        """A user edits a post, live or deleted, one's own or not."""
        answer = self.subject.edit_post(access["access"], post_id, text)
        failure = self.failure_to_write(access["access"], post_id, text)
        if failure == NOBODY:
            self.check_nobody(access["access"], answer, text)
        else:
            self.check_edit(answer, failure, post_id, text)

    def check_nobody(self, access: str, answer: Answer, text: str) -> None:
        """Who may not write is told so, at once; but who may still read, of a wrong text first."""
        may_read = self.model.may_act(access, self.clock.now) is None
        if may_read and text_is_wrong(text) and answer != NOBODY:
            assert answer == wrong("text")
        else:
            assert answer == NOBODY

    def check_edit(self, answer: Answer, failure: Failure | None, post_id: int, text: str) -> None:
        """An edit fails as it must, or does what it should."""
        if failure is not None:
            assert answer == failure
            return
        before = self.model.posts[post_id]
        earliest = (before["edited_at"] or before["created_at"]) + MILLISECOND
        after = before | {
            "text": text.strip(),
            "edited_at": max(self.clock.now, earliest),
            "tags": list(hashtag.names(text)),
        }
        assert answer == after
        self.model.posts[post_id] = after

    @rule(access=accesses, post_id=posts)
    def delete_post(self, access: Any, post_id: int) -> None:
        """A user deletes a post, live or deleted, one's own or not."""
        answer = self.subject.delete_post(access["access"], post_id)
        failure = self.failure_to_write(access["access"], post_id)
        self.check_deletion(answer, failure, post_id)

    def check_deletion(self, answer: Answer, failure: Failure | None, post_id: int) -> None:
        """A deletion fails as it must, or does what it should."""
        if failure is not None:
            assert answer == failure
            return
        post = self.model.posts[post_id]
        deleted_at = max(self.clock.now, post["edited_at"] or post["created_at"])
        assert answer == {
            "id_post": post_id,
            "deleted_at": deleted_at,
            "purge_at": deleted_at + KEPT,
        }
        self.model.delete(post_id, self.clock.now)

    @rule(access=accesses, post_id=posts)
    def read_post(self, access: Any, post_id: int) -> None:
        """A user reads a post, live or deleted."""
        answer = self.subject.read_post(access["access"], post_id)
        gone = post_id in self.model.deleted
        expected = Failure("post-not-found") if gone else self.model.posts[post_id]
        self.check_read(access["access"], answer, expected)

    @rule(access=accesses, post_id=st.sampled_from([1, 2**53 - 1]))
    def touch_an_unknown_post(self, access: Any, post_id: int) -> None:
        """A user reads, edits and deletes a post that is not there."""
        token = access["access"]
        expected = Failure("post-not-found")
        allowed = self.model.may_act(token, self.clock.now)
        assert self.subject.edit_post(token, post_id, "x") == (expected if allowed else NOBODY)
        assert self.subject.delete_post(token, post_id) == (expected if allowed else NOBODY)
        assert self.subject.restore_post(token, post_id) == (expected if allowed else NOBODY)
        self.check_read(token, self.subject.read_post(token, post_id), expected)

    # Timelines

    @rule(target=cursors, access=accesses, paging=st.sampled_from(PAGES))
    def list_posts(self, access: Any, paging: Any) -> Any:
        """A user reads a page of all posts."""
        answer = self.subject.list_posts(access["access"], paging)
        return self.check_page(access["access"], answer, paging, ("posts", None))

    @rule(target=cursors, access=accesses, owner=names, paging=st.sampled_from(PAGES))
    def list_user_posts(self, access: Any, owner: str, paging: Any) -> Any:
        """A user reads a page of somebody's posts."""
        user_id = self.model.user_named(owner)
        assert user_id is not None
        answer = self.subject.list_user_posts(access["access"], user_id, paging)
        return self.check_page(access["access"], answer, paging, ("user", user_id))

    @rule(access=accesses, user_id=st.sampled_from([1, 2**53 - 1]))
    def list_posts_of_an_unknown_user(self, access: Any, user_id: int) -> None:
        """A user reads the posts of a user that is not there."""
        answer = self.subject.list_user_posts(access["access"], user_id, {})
        self.check_read(access["access"], answer, Failure("user-not-found"))

    @rule(
        target=cursors,
        access=accesses,
        spelling=st.sampled_from(SPELLINGS),
        paging=st.sampled_from(PAGES),
    )
    def list_hashtag_posts(self, access: Any, spelling: str, paging: Any) -> Any:
        """A user reads a page of the posts under a hashtag, in some spelling."""
        answer = self.subject.list_hashtag_posts(access["access"], spelling, paging)
        key = hashtag.names("#" + spelling.lstrip("#＃﹟"))[0]
        return self.check_page(access["access"], answer, paging, ("hashtag", key))

    @rule(access=accesses, spelling=st.sampled_from(WRONG_SPELLINGS))
    def list_posts_under_no_hashtag(self, access: Any, spelling: str) -> None:
        """A user reads the posts under something that is no hashtag."""
        answer = self.subject.list_hashtag_posts(access["access"], spelling, {})
        self.check_read(access["access"], answer, wrong("hashtag"))

    @rule(access=accesses, paging=st.sampled_from(WRONG_PAGES))
    def list_wrongly(self, access: Any, paging: Any) -> None:
        """A user asks for an impossible page of each kind of timeline."""
        token, ada = access["access"], self.model.user_named("ada")
        for timeline in (("posts", None), ("user", ada), ("hashtag", "world")):
            answer = self.list_any(token, timeline, paging)
            self.check_page(token, answer, paging, timeline)

    @rule(target=cursors, access=accesses, cursor=cursors, page_size=st.integers(1, 3))
    def follow_a_cursor(self, access: Any, cursor: Any, page_size: int) -> Any:
        """A user goes on from where an earlier answer ended."""
        timeline, text, position = cursor
        paging = {"cursor": text, "page_size": page_size}
        answer = self.list_any(access["access"], timeline, paging)
        return self.check_page(access["access"], answer, paging, timeline, position)

    @rule(access=accesses, cursor=cursors)
    def use_a_cursor_of_another_timeline(self, access: Any, cursor: Any) -> None:
        """A user shows a cursor to a timeline that did not make it."""
        timeline, text, _ = cursor
        other = ("hashtag", "unused") if timeline[0] == "posts" else ("posts", None)
        answer = self.list_any(access["access"], other, {"cursor": text})
        self.check_read(access["access"], answer, wrong("cursor"))

    @rule(access=accesses, limit=st.sampled_from([1, 2, 5, 50]))
    def popular_hashtags(self, access: Any, limit: int) -> None:
        """A user reads the ranking."""
        answer = self.subject.popular_hashtags(access["access"], limit)
        self.check_read(access["access"], answer, self.model.popular(limit))

    @rule(access=accesses, limit=st.sampled_from([0, 51, 2**53 - 1]))
    def too_many_popular_hashtags(self, access: Any, limit: int) -> None:
        """A user wants a ranking of an impossible length."""
        answer = self.subject.popular_hashtags(access["access"], limit)
        self.check_read(access["access"], answer, wrong("limit"))

    @rule(access=accesses, prefix=st.sampled_from(PREFIXES), limit=st.sampled_from([1, 2, 10, 50]))
    def complete_hashtags(self, access: Any, prefix: Any, limit: int) -> None:
        """A user types the beginning of a hashtag, in some spelling."""
        spelling, beginning = prefix
        answer = self.subject.complete_hashtags(access["access"], spelling, limit)
        self.check_read(access["access"], answer, self.model.completions(beginning, limit))

    @rule(
        access=accesses,
        prefix=st.sampled_from(WRONG_PREFIXES),
        limit=st.sampled_from([0, 1, 50, 51]),
    )
    def complete_wrongly(self, access: Any, prefix: str, limit: int) -> None:
        """A user types what no hashtag begins with, and may want an impossible number of them."""
        answer = self.subject.complete_hashtags(access["access"], prefix, limit)
        faults = {"prefix"} if 1 <= limit <= 50 else {"prefix", "limit"}
        self.check_read(access["access"], answer, wrong(*faults))

    @rule(access=accesses, text=st.sampled_from(TEXTS + WRONG_TEXTS))
    def extract_hashtags(self, access: Any, text: str) -> None:
        """A user asks which hashtags a post of that text would carry."""
        answer = self.subject.extract_hashtags(access["access"], text)
        found = [asdict(each) for each in hashtag.extract(text)]
        self.check_read(access["access"], answer, wrong("text") if text_is_wrong(text) else found)

    @invariant()
    def sessions_are_consistent(self) -> None:
        """No token was ever given out in two sessions."""
        tokens = [token for session in self.model.sessions for token in session.chain]
        assert len(tokens) == len(set(tokens))

    # How the model looks at an answer

    def minted(self, new_id: int) -> None:
        """Ids ascend, and hold the time."""
        assert new_id > self.model.last_id
        assert time_of(new_id) == self.clock.now
        self.model.last_id = new_id

    def tokens(self, answer: Answer, session: ModelSession) -> Answer:
        """Note the tokens of a log-in or a refresh."""
        assert answer["expires_in"] == 900
        self.model.accesses[answer["access"]] = ModelAccess(session, self.clock.now + ACCESS_TTL)
        return answer

    def failure_to_write(
        self, access: str, post_id: int, text: str | None = None
    ) -> Failure | None:
        """How a change of a post must fail, if it must."""
        if not self.model.may_act(access, self.clock.now):
            return NOBODY
        if text is not None and text_is_wrong(text):
            return wrong("text")
        if post_id in self.model.deleted:
            return Failure("post-not-found")
        if self.model.posts[post_id]["owner"]["id"] != self.model.actor(access):
            return Failure("not-the-owner")
        return None

    def check_read(self, access: str, answer: Answer, expected: Answer) -> bool:
        """A read gives what is expected, if the actor may read; whether it did."""
        allowed = self.model.may_act(access, self.clock.now)
        if allowed is False or (allowed is None and answer == NOBODY):
            assert answer == NOBODY
            return False
        assert answer == expected
        return True

    def list_any(self, access: str, timeline: Any, paging: Any) -> Answer:
        """A page of whatever timeline."""
        kind, value = timeline
        if kind == "posts":
            return self.subject.list_posts(access, paging)
        if kind == "user":
            return self.subject.list_user_posts(access, value, paging)
        return self.subject.list_hashtag_posts(access, value, paging)

    def check_page(
        self, access: str, answer: Answer, paging: Any, timeline: Any, position: int | None = None
    ) -> Any:
        """A page is what slicing gives; its cursor, for the bundle, with what it stands for."""
        expected = self.expected_page(paging, timeline, position)
        if isinstance(answer, dict) and isinstance(expected, dict):
            cursor = answer["next_cursor"]
            assert (cursor is not None) == expected["has_next"]
            expected["next_cursor"] = cursor
        was_read = self.check_read(access, answer, expected)
        if was_read and isinstance(expected, dict) and expected["has_next"]:
            return timeline, answer["next_cursor"], expected["result"][-1]["id_post"]
        return multiple()

    def expected_page(self, paging: Any, timeline: Any, position: int | None) -> Answer:
        """The page that the model has."""
        faults = paging_faults(paging, position)
        if faults:
            return wrong(*faults)
        kind, value = timeline
        if kind == "user" and value in self.model.gone:
            return Failure("user-not-found")
        posts = self.model.live(
            lambda post: (
                kind == "posts"
                or (kind == "user" and post["owner"]["id"] == value)
                or (kind == "hashtag" and value in post["tags"])
            )
        )
        page, size = paging.get("page", 1), paging.get("page_size", 20)
        start = (
            (page - 1) * size
            if position is None
            else sum(post["id_post"] >= position for post in posts)
        )
        result = posts[start : start + size]
        if position is None and page > 1 and not result:
            return Failure("page-out-of-range")
        return {
            "count": len(posts),
            "page": page if position is None else None,
            "page_size": size,
            "has_next": start + size < len(posts),
            "has_previous": page > 1 if position is None else None,
            "next_cursor": None,
            "result": result,
        }


def paging_faults(paging: Any, position: int | None) -> set[str]:
    """The wrong fields of a request for a page."""
    faults = set()
    if not 1 <= paging.get("page", 1) <= 2**53 - 1:
        faults.add("page")
    if not 1 <= paging.get("page_size", 20) <= 100:
        faults.add("page_size")
    if "cursor" in paging and ("page" in paging or position is None):
        faults.add("cursor")
    return faults
