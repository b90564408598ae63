"""The repositories of a transaction, and those of a reading."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from hashpost.adapters.memory.state import DraftState, State
from hashpost.application.ports import Audited
from hashpost.domain.errors import UsernameTaken
from hashpost.domain.popularity import HashtagCount, most_popular
from hashpost.domain.post import Post
from hashpost.domain.session import Session
from hashpost.domain.timeline import AllPosts, HashtagPosts, Slice, Timeline
from hashpost.domain.user import User, username_key


@dataclass(frozen=True, slots=True)
class MemoryUsers:
    """Users, by id and by name."""

    state: DraftState

    async def add(self, user: User) -> bool:
        """Keep a new user."""
        if self.state.users.get(user.id) is not None:
            return False
        if self.state.user_ids.get(username_key(user.username)) is not None:
            raise UsernameTaken
        self.state.put_user(user)
        return True

    async def by_id(self, user_id: int) -> User | None:
        """The user with that id."""
        return self.state.users.get(user_id)

    async def by_username(self, username: str) -> User | None:
        """The user with that name in whatever case."""
        user_id = self.state.user_ids.get(username_key(username))
        return None if user_id is None else self.state.users.get(user_id)

    async def with_session(
        self, user_id: int, session_id: int
    ) -> tuple[User | None, Session | None]:
        """That user and that session."""
        return self.state.users.get(user_id), self.state.sessions.get(session_id)

    async def replace_password_hash(self, user_id: int, *, old: str, new: str) -> bool:
        """Put one hash in the place of another."""
        user = self.state.users.get(user_id)
        if user is None or user.password_hash != old:
            return False
        self.state.put_user(replace(user, password_hash=new))
        return True


@dataclass(frozen=True, slots=True)
class MemorySessions:
    """Sessions, by any token they ever had."""

    state: DraftState

    async def add(self, session: Session) -> bool:
        """Keep a new session."""
        if self.state.sessions.get(session.id) is not None:
            return False
        self.state.put_session(session)
        return True

    async def by_token(self, token_hash: bytes) -> Session | None:
        """The session whose current or spent token that is."""
        session_id = self.state.session_ids.get(token_hash)
        return None if session_id is None else self.state.sessions.get(session_id)

    async def save(self, session: Session) -> None:
        """Keep the next state of a session."""
        self.state.put_session(session)


@dataclass(frozen=True, slots=True)
class MemoryPosts:
    """Posts, by id."""

    state: DraftState

    async def add(self, posts: Sequence[Post]) -> Collection[int]:
        """Keep new posts."""
        taken = await self.taken([post.id for post in posts])
        for post in posts:
            if post.id not in taken:
                self.state.posts.put(post.id, post)
        return taken

    async def taken(self, ids: Collection[int]) -> Collection[int]:
        """Of these ids, those of posts."""
        return {post_id for post_id in ids if self.state.posts.get(post_id) is not None}

    async def by_id(self, post_id: int) -> Post | None:
        """The post with that id."""
        return self.state.posts.get(post_id)

    async def for_change(self, post_id: int) -> Post | None:
        """The post with that id; there is one transaction at a time, so nobody else changes it."""
        return self.state.posts.get(post_id)

    async def save(self, before: Post, after: Post) -> None:
        """Keep the next state of a post."""
        self.state.posts.put(before.id, after)


@dataclass(frozen=True, slots=True)
class MemoryImports:
    """The lines that were imported."""

    state: DraftState

    async def claim(self, keys: Collection[bytes]) -> Collection[bytes]:
        """Of these keys, those never claimed before."""
        new = {key for key in keys if self.state.imports.get(key) is None}
        for key in new:
            self.state.imports.put(key, key)
        return new


@dataclass(frozen=True, slots=True)
class MemoryTimelines:
    """Timelines, read from their lists of ids."""

    state: State

    async def at_offset(self, timeline: Timeline, *, offset: int, limit: int) -> Slice:
        """At most `limit` posts after the `offset` newest."""
        ids = self.state.timeline(timeline)
        return self._newest(ids, end=len(ids) - offset, limit=limit)

    async def before(self, timeline: Timeline, *, post_id: int, limit: int) -> Slice:
        """At most `limit` posts whose ids are below `post_id`."""
        ids = self.state.timeline(timeline)
        return self._newest(ids, end=bisect_left(ids, post_id), limit=limit)

    async def oldest(self, *, after: int, limit: int) -> Sequence[Post]:
        """At most `limit` live posts whose ids are above `after`."""
        ids = self.state.timeline(AllPosts())
        start = bisect_right(ids, after)
        return [self.state.posts[post_id] for post_id in ids[start : start + limit]]

    def _newest(self, ids: list[int], *, end: int, limit: int) -> Slice:
        end = max(end, 0)
        page = reversed(ids[max(end - limit, 0) : end])
        return Slice(len(ids), tuple(self.state.posts[post_id] for post_id in page))


@dataclass(frozen=True, slots=True)
class MemoryHashtags:
    """Hashtags, counted by the lengths of their timelines."""

    state: State

    async def popular(self, *, limit: int) -> Sequence[HashtagCount]:
        """The most used hashtags."""
        counts = {
            timeline.hashtag: len(ids)
            for timeline, ids in self.state.timelines.items()
            if isinstance(timeline, HashtagPosts)
        }
        return most_popular(counts, limit=limit)


@dataclass(frozen=True, slots=True)
class MemoryAudit:
    """Shows posts and their places in timelines."""

    state: State

    async def posts(self, *, after: int, limit: int) -> Sequence[Audited]:
        """At most `limit` posts with ids above `after`."""
        ids = sorted(post_id for post_id in self.state.posts if post_id > after)[:limit]
        places = self._places()
        return [
            Audited(
                post_id=post.id,
                text=post.text,
                is_live=post.deleted_at is None,
                tags=post.tags,
                listed=frozenset(places.get(post.id, ())),
            )
            for post in (self.state.posts[post_id] for post_id in ids)
        ]

    async def strays(self, *, limit: int) -> Sequence[tuple[str, int]]:
        """Entries of timelines whose posts do not exist."""
        return [
            (hashtag, post_id)
            for post_id, hashtags in self._places().items()
            if post_id not in self.state.posts
            for hashtag in hashtags
        ][:limit]

    def _places(self) -> dict[int, list[str]]:
        places: dict[int, list[str]] = {}
        for timeline, ids in self.state.timelines.items():
            if isinstance(timeline, HashtagPosts):
                for post_id in ids:
                    places.setdefault(post_id, []).append(timeline.hashtag)
        return places
