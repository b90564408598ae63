"""The reference model: what the service must answer, said as naively as possible.

It keeps everything in plain lists and dictionaries, counts by counting and pages by slicing. It
shares with the service only the extraction of hashtags, which is proved on its own.
"""

import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hashpost.domain import hashtag
from hashpost.domain.characters import DEFAULT_IGNORABLE
from hashpost.domain.user import common_passwords

Answer = Any
"""What a call answers, in the plain form of JSON but with `datetime` for times; or a `Failure`."""

ACCESS_TTL = timedelta(minutes=15)
REFRESH_TTL = timedelta(days=30)
KEPT = timedelta(days=30)
RESET_TTL = timedelta(hours=1)
OLD = timedelta(days=40)
"""How old a post is when the job that deletes old ones does so, in the services under test."""
TRENDING = 2
"""How many users make a hashtag trend, in the services under test."""
DAY = timedelta(days=1)
MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that failed: the code of its error, and for wrong input the fields that it names."""

    code: str
    fields: frozenset[str] = frozenset()


NOBODY = Failure("unauthenticated")


def wrong(*fields: str) -> Failure:
    """The failure of a call whose input is wrong in these fields."""
    return Failure("invalid-input", frozenset(fields))


@dataclass(slots=True)
class ModelSession:
    """A log-in, with every refresh token that it led to, the current one last."""

    user_id: int
    chain: list[str]
    spent_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None


@dataclass(slots=True)
class ModelAccess:
    """An access token."""

    session: ModelSession
    expires_at: datetime


@dataclass(slots=True)
class Model:
    """All that ever happened."""

    passwords: dict[int, str] = field(default_factory=dict)
    usernames: dict[int, str] = field(default_factory=dict)
    accesses: dict[str, ModelAccess] = field(default_factory=dict)
    sessions: list[ModelSession] = field(default_factory=list)
    posts: dict[int, dict[str, Any]] = field(default_factory=dict)
    deleted: dict[int, datetime] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    """Users who have deleted their accounts."""
    requests: dict[tuple[int, str], tuple[Any, Answer, datetime]] = field(default_factory=dict)
    """What a user asked for under a key, what the answer was, and when."""
    last_id: int = 0
    emails: dict[int, str | None] = field(default_factory=dict)
    generations: dict[int, int] = field(default_factory=dict)
    favorites: dict[int, dict[str, datetime]] = field(default_factory=dict)
    digests: set[int] = field(default_factory=set)
    digested: dict[int, datetime] = field(default_factory=dict)
    mails: list[tuple[str, int]] = field(default_factory=list)
    """What is to be sent: the job, and the user it goes to."""
    trends: dict[str, tuple[float, datetime, int, int]] = field(default_factory=dict)
    """Peak, when it was, users of the day and of the day before."""

    # Who

    def add_user(self, user_id: int, username: str, password: str, email: str | None) -> None:
        """Somebody has signed up."""
        self.usernames[user_id] = username
        self.passwords[user_id] = password
        self.emails[user_id] = email
        self.generations[user_id] = 0
        self.favorites[user_id] = {}
        self.send("welcome-mail", user_id)

    def set_password(self, user_id: int, password: str, now: datetime) -> None:
        """A user has another password: every session ends."""
        self.passwords[user_id] = password
        self.generations[user_id] += 1
        self.revoke(user_id, now)
        self.send("password-changed-mail", user_id)

    def send(self, job: str, user_id: int) -> None:
        """A mail is to be sent, if there is an address."""
        if self.emails[user_id] is not None:
            self.mails.append((job, user_id))

    def user_named(self, username: str) -> int | None:
        """The id of the user of that name in whatever case."""
        for user_id, name in self.usernames.items():
            if name.lower() == username.lower():
                return user_id
        return None

    def may_act(self, access: str, now: datetime) -> bool | None:
        """Whether the token is good; None when a read may and may not see that it has ended."""
        known = self.accesses.get(access)
        if known is None or now >= known.expires_at:
            return False
        if known.session.revoked_at is None:
            return True
        return None if now - known.session.revoked_at < timedelta(seconds=5) else False

    def actor(self, access: str) -> int:
        """The user of a token."""
        return self.accesses[access].session.user_id

    # What

    def live(self, keep: Any) -> list[dict[str, Any]]:
        """The live posts that `keep` accepts, newest first."""
        return [
            self.posts[post_id]
            for post_id in sorted(self.posts, reverse=True)
            if post_id not in self.deleted and keep(self.posts[post_id])
        ]

    def under_favorites(self, user_id: int) -> list[dict[str, Any]]:
        """The live posts under any favourite, newest first, with what each is there for."""
        names = self.favorites[user_id]
        posts = self.live(lambda post: any(tag in names for tag in post["tags"]))
        return [
            post | {"matched_tags": [tag for tag in post["tags"] if tag in names]} for post in posts
        ]

    def delete_old(self, now: datetime) -> None:
        """Whatever is too old is deleted."""
        for post_id, post in self.posts.items():
            if post["created_at"] < now - OLD:
                self.delete(post_id, now)

    def delete(self, post_id: int, now: datetime) -> None:
        """A post is deleted, if it is not yet."""
        post = self.posts[post_id]
        self.deleted.setdefault(post_id, max(now, post["edited_at"] or post["created_at"]))

    def delete_user(self, user_id: int, now: datetime) -> None:
        """A user has gone, with every post and every token."""
        self.gone.add(user_id)
        self.generations[user_id] += 1
        self.emails[user_id] = None
        self.favorites[user_id] = {}
        self.digests.discard(user_id)
        self.revoke(user_id, now)
        for post_id, post in self.posts.items():
            if post["owner"]["id"] == user_id:
                self.delete(post_id, now)

    def revoke(self, user_id: int, now: datetime) -> None:
        """Every session of a user ends."""
        for session in self.sessions:
            if session.user_id == user_id and session.revoked_at is None:
                session.revoked_at = now

    def send_digests(self, now: datetime) -> None:
        """Whoever wants a digest, and has not had one for seven days, gets it if there is news."""
        week = timedelta(days=7)
        for user_id in sorted(self.digests):
            last = self.digested.get(user_id)
            since = now - week if last is None else last
            news = any(since <= post["created_at"] < now for post in self.under_favorites(user_id))
            waited = last is None or now.date() - last.date() >= week
            if self.emails[user_id] is not None and waited and news:
                self.digested[user_id] = now
                self.send("digest-mail", user_id)

    def score_trends(self, now: datetime) -> None:
        """Count the users of every hashtag anew, and keep the highest scores of two days."""
        day = timedelta(days=1)
        names = {tag for post in self.posts.values() for tag in post["tags"]} | set(self.trends)
        trends = {}
        for name in names:
            today, before = (self.users_of(name, at) for at in (now, now - day))
            expected = max(1, before)
            score = 0.0
            if today >= TRENDING and today >= expected:
                score = (today - expected) ** 2 / expected
            peak, peaked_at, *_ = self.trends.get(name, (0.0, now, 0, 0))
            if now - peaked_at >= 2 * day or score > peak:
                peak, peaked_at = score, now
            if self.halved(peak, peaked_at, now) >= 1:
                trends[name] = (peak, peaked_at, today, before)
        self.trends = trends

    def users_of(self, name: str, at: datetime) -> int:
        """How many users wrote a live post with the hashtag on that day."""
        posts = self.live(
            lambda post: name in post["tags"] and post["created_at"].date() == at.date()
        )
        return len({post["owner"]["id"] for post in posts})

    def halved(self, peak: float, peaked_at: datetime, now: datetime) -> float:
        """What is left of a score."""
        hours = (now - peaked_at).total_seconds() / 3600
        return 0.0 if hours >= 48 else peak * 2 ** (-hours / 4)

    def trending(self, limit: int, now: datetime) -> list[dict[str, Any]]:
        """The trends with the highest scores."""
        scores = {
            name: self.halved(peak, peaked_at, now)
            for name, (peak, peaked_at, *_) in self.trends.items()
        }
        alive = sorted((-score, name) for name, score in scores.items() if score >= 1)
        return [
            {
                "name": name,
                "count": sum(name in post["tags"] for post in self.live(lambda _: True)),
                "score": round(-score, 3),
                "users_today": self.trends[name][2],
                "users_yesterday": self.trends[name][3],
            }
            for score, name in alive[:limit]
        ]

    def popular(self, limit: int) -> list[tuple[str, int]]:
        """The ranking, counted anew."""
        tags = [tag for post in self.live(lambda _: True) for tag in post["tags"]]
        ranked = sorted((-tags.count(tag), tag) for tag in set(tags))
        return [(tag, -count) for count, tag in ranked[:limit]]


def sign_up_faults(username: str, password: str, email: str | None) -> set[str]:
    """The wrong fields of a sign-up."""
    faults = set()
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
    if not (
        1 <= len(username) <= 30
        and all(character in letters + ".-" for character in username)
        and username[0] in letters
        and username[-1] in letters
    ):
        faults.add("username")
    if (
        not 8 <= len(password) <= 256
        or password.lower() == username.lower()
        or password.lower() in common_passwords()
        or "\x00" in password
    ):
        faults.add("password")
    if email is not None and email.count("@") != 1:
        faults.add("email")
    return faults


def text_is_wrong(text: str) -> bool:
    """Whether a post may not have that text."""
    categories = [unicodedata.category(character) for character in text]
    return (
        not 1 <= len(text) <= 5000
        or any(
            category == "Cs" or (category == "Cc" and character not in "\n\t")
            for character, category in zip(text, categories, strict=True)
        )
        or all(
            character.isspace() or category == "Cf" or is_ignorable(character)
            for character, category in zip(text, categories, strict=True)
        )
        or len(hashtag.names(text)) > 50
    )


def is_ignorable(character: str) -> bool:
    """Whether Unicode says that the character may be left out when it is shown."""
    if character in DEFAULT_IGNORABLE.replace("-", ""):
        return True
    parts = DEFAULT_IGNORABLE.split("-")
    return any(left[-1] <= character <= right[0] for left, right in pairwise(parts))
