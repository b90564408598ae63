"""What is kept, and the drafts in which a transaction prepares changes to it."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, TypeVar

from hashpost.domain.favorite import Favorite
from hashpost.domain.idempotency import IdempotentRequest
from hashpost.domain.message import Message
from hashpost.domain.post import Post
from hashpost.domain.schedule import Schedule
from hashpost.domain.session import Session
from hashpost.domain.timeline import AllPosts, HashtagPosts, Timeline, UserPosts
from hashpost.domain.trend import Trend
from hashpost.domain.user import User, username_key

K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True)
class Committed:
    """All that is committed. The timelines hold the ids of their live posts, ascending."""

    users: dict[int, User] = field(default_factory=dict)
    user_ids: dict[str, int] = field(default_factory=dict)
    sessions: dict[int, Session] = field(default_factory=dict)
    session_ids: dict[bytes, int] = field(default_factory=dict)
    posts: dict[int, Post] = field(default_factory=dict)
    imports: dict[bytes, bytes] = field(default_factory=dict)
    requests: dict[tuple[int, str], IdempotentRequest] = field(default_factory=dict)
    favorites: dict[int, tuple[Favorite, ...]] = field(default_factory=dict)
    trends: dict[None, tuple[Trend, ...]] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    slots: dict[tuple[str, datetime], int] = field(default_factory=dict)
    schedules: dict[str, Schedule] = field(default_factory=dict)
    timelines: dict[Timeline, list[int]] = field(default_factory=lambda: defaultdict(list))
    """An empty timeline is left out."""

    def timeline(self, timeline: Timeline) -> list[int]:
        """The ids of its live posts, ascending; not to be changed by the caller."""
        return self.timelines.get(timeline, [])


class Draft(Generic[K, V]):
    """A dictionary as a transaction sees it: the committed one, and its own changes over it."""

    def __init__(self, committed: dict[K, V]) -> None:
        self._committed = committed
        self.changes: dict[K, V | None] = {}

    def get(self, key: K) -> V | None:
        """The value of the key, or None."""
        return self.changes[key] if key in self.changes else self._committed.get(key)

    def put(self, key: K, value: V) -> None:
        """Change the value of the key, for this transaction only."""
        self.changes[key] = value

    def drop(self, key: K) -> None:
        """Forget the key, for this transaction only."""
        self.changes[key] = None

    def values(self) -> Iterator[V]:
        """All values."""
        for key, value in self._committed.items():
            if key not in self.changes:
                yield value
        yield from (value for value in self.changes.values() if value is not None)

    def commit(self) -> None:
        """Change it for everybody."""
        for key, value in self.changes.items():
            if value is None:
                self._committed.pop(key, None)
            else:
                self._committed[key] = value


class DraftState:
    """The state as a transaction sees it."""

    def __init__(self, state: Committed) -> None:
        self._state = state
        self.users = Draft(state.users)
        self.user_ids = Draft(state.user_ids)
        self.sessions = Draft(state.sessions)
        self.session_ids = Draft(state.session_ids)
        self.posts = Draft(state.posts)
        self.imports = Draft(state.imports)
        self.requests = Draft(state.requests)
        self.favorites = Draft(state.favorites)
        self.trends = Draft(state.trends)
        self.messages = Draft(state.messages)
        self.slots = Draft(state.slots)
        self.schedules = Draft(state.schedules)

    def put_user(self, user: User) -> None:
        """Keep the user, to be found by id and by name."""
        self.users.put(user.id, user)
        self.user_ids.put(username_key(user.username), user.id)

    def put_session(self, session: Session) -> None:
        """Keep the session, to be found by id and by its current token."""
        self.sessions.put(session.id, session)
        self.session_ids.put(session.current, session.id)

    def drop_session(self, session_id: int) -> None:
        """Forget the session, and every token that led to it."""
        self.sessions.drop(session_id)
        for token, owner in self._state.session_ids.items():
            if owner == session_id:
                self.session_ids.drop(token)

    def put_message(self, message: Message) -> None:
        """Keep the message, to be found by id and by its slot."""
        self.messages.put(message.id, message)
        if message.slot is not None:
            self.slots.put((message.job, message.slot), message.id)

    def drop_message(self, message: Message) -> None:
        """Forget the message, and that its slot was ever claimed."""
        self.messages.drop(message.id)
        if message.slot is not None:
            self.slots.drop((message.job, message.slot))

    def post(self, post_id: int) -> Post | None:
        """The post; one of a deleted user is deleted, since then at the latest."""
        return self._shown(self.posts.get(post_id))

    def shown_posts(self) -> Iterator[Post]:
        """All posts, as `post` gives them."""
        return (post for post in map(self._shown, self.posts.values()) if post is not None)

    def commit(self) -> None:
        """Make all changes at once, those of the timelines included."""
        before = DraftState(self._state)
        touched = {*self.posts.changes, *self._posts_of_the_deleted()}
        places = [(post_id, before.post(post_id), self.post(post_id)) for post_id in touched]
        for draft in vars(self).values():
            if isinstance(draft, Draft):
                draft.commit()
        for post_id, old, new in places:
            self._place(post_id, old, new)

    def _shown(self, post: Post | None) -> Post | None:
        if post is None or post.deleted_at is not None:
            return post
        owner = self.users.get(post.owner.id)
        return post if owner is None else replace(post, deleted_at=owner.deleted_at)

    def _posts_of_the_deleted(self) -> Iterator[int]:
        gone = (user for user in self.users.changes.values() if user and user.is_deleted)
        for user in gone:
            yield from self._state.timeline(UserPosts(user.id))

    def _place(self, post_id: int, before: Post | None, after: Post | None) -> None:
        old, new = _places(before), _places(after)
        for timeline in old - new:
            ids = self._state.timelines[timeline]
            del ids[bisect_left(ids, post_id)]
            if not ids:
                del self._state.timelines[timeline]
        for timeline in new - old:
            insort(self._state.timelines[timeline], post_id)


def _places(post: Post | None) -> set[Timeline]:
    if post is None or post.deleted_at is not None:
        return set()
    return {AllPosts(), UserPosts(post.owner.id), *map(HashtagPosts, post.tags)}
