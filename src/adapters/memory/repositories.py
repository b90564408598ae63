"""The repositories of a transaction, and those of a reading."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import merge
from itertools import groupby, islice

from hashpost.adapters.memory.state import Committed, DraftState
from hashpost.application.ports import Audited, Miscount
from hashpost.domain.errors import UsernameTaken
from hashpost.domain.favorite import Favorite
from hashpost.domain.idempotency import IdempotentRequest
from hashpost.domain.ids import MAX_ID
from hashpost.domain.popularity import HashtagCount, most_popular
from hashpost.domain.post import Post
from hashpost.domain.session import Session
from hashpost.domain.timeline import (
    AllPosts,
    HashtagFilter,
    HashtagPosts,
    Slice,
    Stretch,
    Timeline,
)
from hashpost.domain.trend import Trend, Usage
from hashpost.domain.user import User, email_key, username_key


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

    async def for_write(
        self, user_id: int, session_id: int | None
    ) -> tuple[User | None, Session | None]:
        """That user and that session; there is one transaction at a time, so nobody deletes it."""
        session = None if session_id is None else self.state.sessions.get(session_id)
        return self.state.users.get(user_id), session

    async def living(self, user_ids: Collection[int]) -> Collection[int]:
        """Of these ids, those of users who are not deleted."""
        users = map(self.state.users.get, user_ids)
        return {user.id for user in users if user is not None and not user.is_deleted}

    async def replace_password_hash(self, user_id: int, *, old: str, new: str) -> bool:
        """Put one hash in the place of another."""
        user = self.state.users.get(user_id)
        if user is None or user.password_hash != old:
            return False
        self.state.put_user(replace(user, password_hash=new))
        return True

    async def for_change(self, user_id: int) -> User | None:
        """The user with that id; there is one transaction at a time, so nobody else changes it."""
        return self.state.users.get(user_id)

    async def save(self, user: User) -> None:
        """Keep the next state of a user."""
        self.state.put_user(user)

    async def by_email(self, email: str) -> Sequence[User]:
        """All users with that address."""
        key = email_key(email)
        users = self.state.users.values()
        found = (user for user in users if user.email is not None and email_key(user.email) == key)
        return sorted(found, key=lambda user: user.id)

    async def with_digest(self, *, after: int, limit: int) -> Sequence[User]:
        """At most `limit` users who want the weekly digest."""
        users = (each for each in self.state.users.values() if each.weekly_digest)
        found = sorted((user for user in users if user.id > after), key=lambda user: user.id)
        return found[:limit]


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

    async def purge(self, *, before: datetime, limit: int) -> int:
        """Forget sessions that have ended."""
        ended = (
            session.id
            for session in self.state.sessions.values()
            if min(session.expires_at, session.revoked_at or session.expires_at) < before
        )
        gone = list(islice(ended, limit))
        for session_id in gone:
            self.state.drop_session(session_id)
        return len(gone)


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
        return self.state.post(post_id)

    async def for_change(self, post_id: int) -> Post | None:
        """The post with that id; there is one transaction at a time, so nobody else changes it."""
        return self.state.post(post_id)

    async def save(self, before: Post, after: Post) -> None:
        """Keep the next state of a post."""
        self.state.posts.put(before.id, after)

    async def purge(self, *, before: datetime, limit: int) -> int:
        """Forget deleted posts."""
        deleted = (
            post.id
            for post in self.state.posts.values()
            if post.deleted_at is not None and post.deleted_at < before
        )
        gone = list(islice(deleted, limit))
        for post_id in gone:
            self.state.posts.drop(post_id)
        return len(gone)

    async def erase(self, *, owner_id: int, limit: int) -> int:
        """Forget posts of a user."""
        posts = (post.id for post in self.state.posts.values() if post.owner.id == owner_id)
        gone = list(islice(posts, limit))
        for post_id in gone:
            self.state.posts.drop(post_id)
        return len(gone)

    async def deleted_of(self, owner_id: int, *, since: datetime, offset: int, limit: int) -> Slice:
        """The user's deleted posts, the last deleted first."""
        deleted = sorted(
            (post.deleted_at, post.id)
            for post in self.state.posts.values()
            if post.owner.id == owner_id and post.deleted_at is not None and post.deleted_at > since
        )
        page = deleted[::-1][offset : offset + limit]
        found = (self.state.posts.get(post_id) for _, post_id in page)
        return Slice(len(deleted), tuple(post for post in found if post is not None))

    async def delete_old(self, *, below: int, at: datetime, limit: int) -> int:
        """Delete live posts softly, oldest first."""
        posts = (post for post in self.state.posts.values() if post.deleted_at is None)
        old = sorted((post for post in posts if post.id < below), key=lambda post: post.id)
        for post in old[:limit]:
            self.state.posts.put(post.id, post.deleted(by=post.owner.id, at=at))
        return len(old[:limit])


@dataclass(frozen=True, slots=True)
class MemoryFavorites:
    """Favourites, of each user."""

    state: DraftState

    async def of(self, user_id: int) -> Sequence[Favorite]:
        """The user's favourites, newest first."""
        favorites = self.state.favorites.get(user_id) or ()
        by_name = sorted(favorites, key=lambda favorite: favorite.name)
        return sorted(by_name, key=lambda favorite: favorite.since, reverse=True)

    async def names(self, user_id: int) -> frozenset[str]:
        """The names of the user's favourites."""
        return frozenset(each.name for each in self.state.favorites.get(user_id) or ())

    async def add(self, user_id: int, favorite: Favorite) -> None:
        """Keep a favourite."""
        self.state.favorites.put(user_id, (*(self.state.favorites.get(user_id) or ()), favorite))

    async def remove(self, user_id: int, name: str) -> None:
        """Forget a favourite."""
        favorites = self.state.favorites.get(user_id) or ()
        self.state.favorites.put(user_id, tuple(each for each in favorites if each.name != name))

    async def remove_all(self, user_id: int) -> None:
        """Forget every favourite of the user."""
        self.state.favorites.drop(user_id)


@dataclass(frozen=True, slots=True)
class MemoryRequests:
    """Requests under keys, by user and key."""

    state: DraftState

    async def claim(
        self, request: IdempotentRequest, *, forgotten: datetime
    ) -> IdempotentRequest | None:
        """Keep a request; there is one transaction at a time, so nobody waits in here."""
        earlier = self.state.requests.get((request.user_id, request.key))
        if earlier is not None and earlier.made_at > forgotten:
            return earlier
        await self.save(request)
        return None

    async def save(self, request: IdempotentRequest) -> None:
        """Keep a request with its answer."""
        self.state.requests.put((request.user_id, request.key), request)

    async def forget(self, user_id: int, *, limit: int) -> int:
        """Forget requests of the user."""
        return self._drop((each for each in self._all() if each.user_id == user_id), limit)

    async def purge(self, *, before: datetime, limit: int) -> int:
        """Forget requests that were made before then."""
        return self._drop((each for each in self._all() if each.made_at < before), limit)

    def _all(self) -> Iterator[IdempotentRequest]:
        return self.state.requests.values()

    def _drop(self, requests: Iterator[IdempotentRequest], limit: int) -> int:
        gone = list(islice(requests, limit))
        for request in gone:
            self.state.requests.drop((request.user_id, request.key))
        return len(gone)


@dataclass(frozen=True, slots=True)
class MemoryTrends:
    """Trends, all together."""

    state: DraftState

    async def all(self) -> Sequence[Trend]:
        """All of them."""
        return self.state.trends.get(None) or ()

    async def replace(self, trends: Sequence[Trend]) -> None:
        """Keep these, and these only."""
        self.state.trends.put(None, tuple(trends))


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

    state: Committed

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

    async def matching(
        self,
        wanted: HashtagFilter,
        *,
        before: int | None,
        after: int,
        offset: int,
        limit: int,
        budget: int,
    ) -> Stretch:
        """Posts that the filter lets through, each once, newest first."""
        end = MAX_ID + 1 if before is None else before
        stretches = (
            reversed(ids[bisect_right(ids, after) : bisect_left(ids, end)])
            for ids in self._sources(wanted)
        )
        each_once = (post_id for post_id, _ in groupby(merge(*stretches, reverse=True)))
        looked = [self.state.posts[post_id] for post_id in islice(each_once, budget)]
        matching = (post for post in looked if wanted.accepts(post.tags))
        found = tuple(islice(matching, offset, offset + limit))
        is_cut = len(looked) == budget and len(found) < limit
        return Stretch(found, looked[-1].id if is_cut else None)

    def _sources(self, wanted: HashtagFilter) -> list[list[int]]:
        """The fewest timelines that have all posts in them that the filter may let through."""
        sources: list[list[Timeline]] = [[HashtagPosts(name)] for name in wanted.all]
        if wanted.any is not None:
            sources.append([HashtagPosts(name) for name in wanted.any])
        ids = [list(map(self.state.timeline, source)) for source in sources or [[AllPosts()]]]
        return min(ids, key=lambda lists: sum(map(len, lists)))

    async def count_below(self, post_id: int) -> int:
        """How many live posts have ids below that."""
        return bisect_left(self.state.timeline(AllPosts()), post_id)

    def _newest(self, ids: list[int], *, end: int, limit: int) -> Slice:
        end = max(end, 0)
        page = reversed(ids[max(end - limit, 0) : end])
        return Slice(len(ids), tuple(self.state.posts[post_id] for post_id in page))


@dataclass(frozen=True, slots=True)
class MemoryHashtags:
    """Hashtags, counted by the lengths of their timelines."""

    state: Committed

    async def popular(self, *, limit: int) -> Sequence[HashtagCount]:
        """The most used hashtags."""
        return await self.completions("", limit=limit)

    async def completions(self, prefix: str, *, limit: int) -> Sequence[HashtagCount]:
        """The most used hashtags whose names begin with the prefix."""
        counts = {
            timeline.hashtag: len(ids)
            for timeline, ids in self.state.timelines.items()
            if isinstance(timeline, HashtagPosts) and timeline.hashtag.startswith(prefix)
        }
        return most_popular(counts, limit=limit)

    async def counts(self, names: Collection[str]) -> Mapping[str, int]:
        """The number of live posts under each of the hashtags."""
        return {name: len(self.state.timeline(HashtagPosts(name))) for name in names}

    async def usage(
        self,
        *,
        today: tuple[int, int],
        yesterday: tuple[int, int],
        names: Collection[str],
        least: int,
    ) -> Sequence[Usage]:
        """By how many different users hashtags were written."""
        now, then = self._users(*today), self._users(*yesterday)
        wanted = {name for name, users in now.items() if len(users) >= least} | set(names)
        return [
            Usage(name, len(now.get(name, ())), len(then.get(name, ()))) for name in sorted(wanted)
        ]

    def _users(self, start: int, end: int) -> dict[str, set[int]]:
        ids = self.state.timeline(AllPosts())
        users: dict[str, set[int]] = {}
        for post_id in ids[bisect_left(ids, start) : bisect_left(ids, end)]:
            post = self.state.posts[post_id]
            for tag in post.tags:
                users.setdefault(tag, set()).add(post.owner.id)
        return users


@dataclass(frozen=True, slots=True)
class MemoryAudit:
    """Shows posts and their places in timelines."""

    state: Committed
    shown: DraftState

    async def posts(self, *, after: int, limit: int) -> Sequence[Audited]:
        """At most `limit` posts with ids above `after`."""
        posts = (post for post in self.shown.shown_posts() if post.id > after)
        some = sorted(posts, key=lambda post: post.id)[:limit]
        places = self._places()
        return [
            Audited(
                post_id=post.id,
                owner_id=post.owner.id,
                text=post.text,
                is_live=post.deleted_at is None,
                tags=post.tags,
                listed=frozenset(places.get(post.id, ())),
            )
            for post in some
        ]

    async def strays(self, *, limit: int) -> Sequence[tuple[str, int]]:
        """Entries of timelines whose posts do not exist."""
        return [
            (hashtag, post_id)
            for post_id, hashtags in self._places().items()
            if post_id not in self.state.posts
            for hashtag in hashtags
        ][:limit]

    async def counted(self, *, after: Timeline | None, limit: int) -> Sequence[Timeline]:  # noqa: ARG002
        """Of none is a number stored."""
        return ()

    async def uncounted(self, *, limit: int) -> int:  # noqa: ARG002
        """Nothing waits."""
        return 0

    async def miscounts(self, timeline: Timeline) -> Sequence[Miscount]:  # noqa: ARG002
        """Nothing is stored that could be wrong."""
        return ()

    def _places(self) -> dict[int, list[str]]:
        places: dict[int, list[str]] = {}
        for timeline, ids in self.state.timelines.items():
            if isinstance(timeline, HashtagPosts):
                for post_id in ids:
                    places.setdefault(post_id, []).append(timeline.hashtag)
        return places
