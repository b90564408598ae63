"""What is kept, and the drafts in which a transaction prepares changes to it."""

from bisect import bisect_left, insort
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from hashpost.domain.post import Post
from hashpost.domain.session import Session
from hashpost.domain.timeline import AllPosts, HashtagPosts, Timeline, UserPosts
from hashpost.domain.user import User, username_key

K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True)
class State:
    """All that is committed. The timelines hold the ids of their live posts, ascending."""

    users: dict[int, User] = field(default_factory=dict)
    user_ids: dict[str, int] = field(default_factory=dict)
    sessions: dict[int, Session] = field(default_factory=dict)
    session_ids: dict[bytes, int] = field(default_factory=dict)
    posts: dict[int, Post] = field(default_factory=dict)
    imports: dict[bytes, bytes] = field(default_factory=dict)
    timelines: dict[Timeline, list[int]] = field(default_factory=lambda: defaultdict(list))
    """An empty timeline is left out."""

    def timeline(self, timeline: Timeline) -> list[int]:
        """The ids of its live posts, ascending; not to be changed by the caller."""
        return self.timelines.get(timeline, [])


class Draft(Generic[K, V]):
    """A dictionary as a transaction sees it: the committed one, and its own changes over it."""

    def __init__(self, committed: dict[K, V]) -> None:
        self._committed = committed
        self.changes: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """The value of the key, or None."""
        value = self.changes.get(key)
        return self._committed.get(key) if value is None else value

    def put(self, key: K, value: V) -> None:
        """Change the value of the key, for this transaction only."""
        self.changes[key] = value

    def commit(self) -> None:
        """Change it for everybody."""
        self._committed.update(self.changes)


class DraftState:
    """The state as a transaction sees it."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.users = Draft(state.users)
        self.user_ids = Draft(state.user_ids)
        self.sessions = Draft(state.sessions)
        self.session_ids = Draft(state.session_ids)
        self.posts = Draft(state.posts)
        self.imports = Draft(state.imports)

    def put_user(self, user: User) -> None:
        """Keep the user, to be found by id and by name."""
        self.users.put(user.id, user)
        self.user_ids.put(username_key(user.username), user.id)

    def put_session(self, session: Session) -> None:
        """Keep the session, to be found by id and by its current token."""
        self.sessions.put(session.id, session)
        self.session_ids.put(session.current, session.id)

    def commit(self) -> None:
        """Make all changes at once, those of the timelines included."""
        for post in self.posts.changes.values():
            self._place(self._state.posts.get(post.id), post)
        self.users.commit()
        self.user_ids.commit()
        self.sessions.commit()
        self.session_ids.commit()
        self.posts.commit()
        self.imports.commit()

    def _place(self, before: Post | None, after: Post) -> None:
        old, new = _places(before), _places(after)
        for timeline in old - new:
            ids = self._state.timelines[timeline]
            del ids[bisect_left(ids, after.id)]
            if not ids:
                del self._state.timelines[timeline]
        for timeline in new - old:
            insort(self._state.timelines[timeline], after.id)


def _places(post: Post | None) -> set[Timeline]:
    if post is None or post.deleted_at is not None:
        return set()
    return {AllPosts(), UserPosts(post.owner.id), *map(HashtagPosts, post.tags)}
