"""What goes over the wire, request and response.

These structs belong to HTTP alone, so that no change of the domain moves the public contract. They
are also what the OpenAPI document shows.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Final

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from hashpost.application.accounts import Tokens
from hashpost.application.profile import NAME_MAX_LENGTH, Profile
from hashpost.domain.favorite import Favorite
from hashpost.domain.hashtag import Hashtag
from hashpost.domain.ids import MAX_ID, time_of
from hashpost.domain.popularity import HashtagCount
from hashpost.domain.post import TEXT_MAX_LENGTH, Deletion, Post
from hashpost.domain.timeline import MatchedPost
from hashpost.domain.trend import TrendingHashtag
from hashpost.domain.user import (
    EMAIL_MAX_LENGTH,
    PASSWORD_MAX_LENGTH,
    PASSWORD_MIN_LENGTH,
    USERNAME_MAX_LENGTH,
    USERNAME_PATTERN,
    User,
)

_TIME: Final = "2026-11-22T06:21:00.123Z"
EXAMPLE_ID: Final = 3676832686331981

Id = Annotated[
    int,
    Meta(
        ge=1,
        le=MAX_ID,
        description="Ascending in time: `id >> 11` is the Unix time in ms of its making.",
        examples=[EXAMPLE_ID],
    ),
]
Time = Annotated[
    str,
    Meta(
        pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$",
        description="RFC 3339, UTC, milliseconds.",
        examples=[_TIME],
        extra_json_schema={"format": "date-time"},
    ),
]
Text = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=TEXT_MAX_LENGTH,
        description="No control characters but line feed and tab; something visible; at most 50 "
        "different hashtags. Outer white space is cut off.",
        examples=["Hello #World"],
        extra_json_schema={"pattern": r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$"},
    ),
]
_NO_NUL: Final = {"pattern": r"^[^\u0000]*$"}
AnyString = Annotated[str, Meta(description="Any string without NUL.", extra_json_schema=_NO_NUL)]
NewPassword = Annotated[
    str,
    Meta(
        min_length=PASSWORD_MIN_LENGTH,
        max_length=PASSWORD_MAX_LENGTH,
        description="Not the username, not one of the commonest passwords.",
        examples=["correct horse battery"],
        extra_json_schema={"format": "password", **_NO_NUL},
    ),
]


# Requests


class _Body(Struct, forbid_unknown_fields=True):
    pass


class SignUpBody(_Body):
    """A new user."""

    username: Annotated[
        str,
        Meta(
            max_length=USERNAME_MAX_LENGTH,
            pattern=f"^{USERNAME_PATTERN}$",
            description="Kept as typed, unique without regard to case.",
            examples=["ada"],
        ),
    ]
    password: NewPassword
    email: (
        Annotated[
            str,
            Meta(
                max_length=EMAIL_MAX_LENGTH,
                description="Where the welcome mail goes.",
                examples=["ada@example.org"],
                extra_json_schema={"format": "email"},
            ),
        ]
        | None
    ) = None


class LogInBody(_Body):
    """The name of a user, in whatever case, and the password."""

    username: AnyString
    password: AnyString


class RefreshBody(_Body):
    """A refresh token, to be spent or revoked."""

    refresh: AnyString


_Name = Annotated[str, Meta(max_length=NAME_MAX_LENGTH, extra_json_schema=_NO_NUL)]
_Address = Annotated[str, Meta(max_length=EMAIL_MAX_LENGTH, extra_json_schema=_NO_NUL)]


class RequestPasswordResetBody(_Body):
    """Whose password, by name in whatever case or by address: one of the two."""

    username: _Name | None = None
    email: _Address | None = None

    extra_json_schema: ClassVar[dict[str, Any]] = {
        "oneOf": [
            {"required": [name], "properties": {name: {"type": "string"}}}
            for name in ("username", "email")
        ],
        "examples": [{"username": "ada"}],
    }


class ConfirmPasswordResetBody(_Body):
    """A token from a mail, and the password that holds from now on."""

    token: AnyString
    new_password: NewPassword


class ChangePasswordBody(_Body):
    """The password that holds until now, and the one from now on."""

    old_password: AnyString
    new_password: NewPassword


class SetDigestBody(_Body):
    """Whether the digest is wanted."""

    weekly: bool


class DeleteUserBody(_Body):
    """The password of whoever goes."""

    password: AnyString


class CreatePostBody(_Body):
    """A new post."""

    text: Text


class TextBody(_Body):
    """The new text of a post."""

    text: Text


class ExtractHashtagsBody(_Body):
    """A text, as for a post."""

    text: Text


class EditPostBody(_Body):
    """Which post, and its new text."""

    id_post: Id
    text: Text


class DeletePostBody(_Body):
    """Which post."""

    id_post: Id


# Answers


class UserAnswer(Struct):
    """A user."""

    id: Id
    username: str
    created_at: Time


class ProfileAnswer(Struct):
    """A user; `post_count` counts live posts."""

    id: Id
    username: str
    created_at: Time
    post_count: Annotated[int, Meta(ge=0)]


class MeAnswer(Struct):
    """The caller; `post_count` counts live posts."""

    id: Id
    username: str
    created_at: Time
    post_count: Annotated[int, Meta(ge=0)]
    email: str | None
    weekly_digest: bool


class TokensAnswer(Struct):
    """An access token, good for `expires_in` seconds, and the refresh token for the next one."""

    access: str
    refresh: str
    token_type: Annotated[str, Meta(extra_json_schema={"const": "Bearer"})]
    expires_in: Annotated[int, Meta(ge=0, examples=[900])]


class OwnerAnswer(Struct):
    """Whose post it is."""

    id: Id
    username: str


class TagAnswer(Struct):
    """A hashtag, by the name that all of its spellings share."""

    name: Annotated[str, Meta(examples=["world"])]


class PostAnswer(Struct):
    """A post; its tags in the order in which the text first names them, each once."""

    id_post: Id
    text: Annotated[str, Meta(examples=["Hello #World"])]
    owner: OwnerAnswer
    created_at: Time
    edited_at: Time | None
    tags: list[TagAnswer]


class MatchedPostAnswer(PostAnswer):
    """A post of a merged timeline; `matched_tags` are those of its tags that it is there for."""

    matched_tags: list[TagAnswer]


class DeletionAnswer(Struct):
    """When the post was deleted, and until when it can be brought back."""

    id_post: Id
    deleted_at: Time
    purge_at: Time


class DeletedPostAnswer(PostAnswer):
    """A deleted post, which can be restored until `purge_at`."""

    deleted_at: Time
    purge_at: Time


PageNumber = Annotated[int, Meta(ge=1)]
PageSize = Annotated[int, Meta(ge=1, le=100)]
NextPath = Annotated[str, Meta(description="Path and query of the next page.")]
PreviousPath = Annotated[str, Meta(description="Path and query of the previous page.")]
NextCursor = Annotated[str, Meta(description="Goes on from here without gaps.")]


class PageAnswer(Struct):
    """A page of a timeline, newest first; where a cursor led here, `page` and the like are null."""

    count: Annotated[int, Meta(ge=0, description="The live posts of the timeline, exactly.")]
    page: PageNumber | None
    page_size: PageSize
    has_next: bool
    has_previous: bool | None
    next: NextPath | None
    previous: PreviousPath | None
    next_cursor: NextCursor | None
    result: list[PostAnswer]


class MergedPageAnswer(Struct):
    """A page of a timeline merged from several; at the 10,000th post only `next_cursor` goes on."""

    count: None
    page: PageNumber | None
    page_size: PageSize
    has_next: bool
    has_previous: bool | None
    next: NextPath | None
    previous: PreviousPath | None
    next_cursor: NextCursor | None
    result: list[MatchedPostAnswer]


class DeletedPageAnswer(Struct):
    """A page of one's deleted posts, the last deleted first."""

    count: Annotated[int, Meta(ge=0, description="The posts that can be restored, exactly.")]
    page: PageNumber
    page_size: PageSize
    has_next: bool
    has_previous: bool
    next: NextPath | None
    previous: PreviousPath | None
    next_cursor: None
    result: list[DeletedPostAnswer]


class HashtagCountAnswer(Struct):
    """A hashtag, and the number of live posts that carry it."""

    name: Annotated[str, Meta(examples=["world"])]
    count: Annotated[int, Meta(ge=1)]


class HashtagAnswer(Struct):
    """A hashtag in a text: `display` is what the author typed, the name what all spellings share.

    The positions are in code points, half open, the sign included.
    """

    name: Annotated[str, Meta(examples=["world"])]
    display: Annotated[str, Meta(examples=["World"])]
    start: Annotated[int, Meta(ge=0, examples=[6])]
    end: Annotated[int, Meta(ge=2, examples=[12])]


class TrendingHashtagAnswer(Struct):
    """A hashtag on the rise, and what its score was made of when it was last scored."""

    name: Annotated[str, Meta(examples=["world"])]
    count: Annotated[int, Meta(ge=0, description="The live posts that carry it.")]
    score: Annotated[
        float, Meta(ge=0, description="What is left of its peak by now.", examples=[16.0])
    ]
    users_today: Annotated[int, Meta(ge=0, examples=[5])]
    users_yesterday: Annotated[int, Meta(ge=0, examples=[0])]


class FavoriteAnswer(Struct):
    """A favourite hashtag, and since when it has been one."""

    name: Annotated[str, Meta(examples=["world"])]
    since: Time


class HealthAnswer(Struct):
    """It is well."""

    status: Annotated[str, Meta(extra_json_schema={"const": "ok"})] = "ok"


class FieldProblem(Struct):
    """A wrong field, and what would be right."""

    field: Annotated[str, Meta(examples=["username"])]
    detail: str


class Problem(Struct):
    """What went wrong (RFC 9457)."""

    type: Annotated[str, Meta(pattern="^urn:hashpost:problem:[a-z-]+$")]
    title: str
    status: Annotated[int, Meta(ge=400, le=599)]
    detail: str
    errors: list[FieldProblem] | UnsetType = UNSET


# Presenting


def encoded(answer: Struct | Sequence[Struct]) -> bytes:
    """The answer as JSON."""
    return _encoder.encode(answer)


_encoder = msgspec.json.Encoder()


def timestamp(at: datetime) -> str:
    """A UTC time as RFC 3339 with milliseconds."""
    text: str = msgspec.to_builtins(at)  # with six digits of the second, or none
    return f"{text[:23]}Z" if at.microsecond else f"{text[:-1]}.000Z"


@lru_cache(4096)  # the newest posts are shown again and again
def _made_at(id_: int) -> str:
    """When the thing with that id was made."""
    return timestamp(time_of(id_))


def present_user(user: User) -> UserAnswer:
    """A user as others see them."""
    return UserAnswer(id=user.id, username=user.username, created_at=timestamp(user.created_at))


def present_profile(profile: Profile) -> ProfileAnswer:
    """A user with the number of posts, as others see them."""
    user = profile.user
    return ProfileAnswer(
        id=user.id,
        username=user.username,
        created_at=timestamp(user.created_at),
        post_count=profile.post_count,
    )


def present_me(profile: Profile) -> MeAnswer:
    """A user as that user alone sees it."""
    user = profile.user
    return MeAnswer(
        id=user.id,
        username=user.username,
        created_at=timestamp(user.created_at),
        post_count=profile.post_count,
        email=user.email,
        weekly_digest=user.weekly_digest,
    )


def present_tokens(tokens: Tokens) -> TokensAnswer:
    """The tokens of a session."""
    return TokensAnswer(
        access=tokens.access,
        refresh=tokens.refresh,
        token_type="Bearer",  # noqa: S106
        expires_in=tokens.expires_in,
    )


def present_post(post: Post) -> PostAnswer:
    """A post."""
    return PostAnswer(
        id_post=post.id,
        text=post.text,
        owner=OwnerAnswer(id=post.owner.id, username=post.owner.username),
        created_at=_made_at(post.id),
        edited_at=None if post.edited_at is None else timestamp(post.edited_at),
        tags=list(map(TagAnswer, post.tags)),
    )


def present_matched_post(matched: MatchedPost) -> MatchedPostAnswer:
    """A post of a merged timeline."""
    post = present_post(matched.post)
    return MatchedPostAnswer(
        id_post=post.id_post,
        text=post.text,
        owner=post.owner,
        created_at=post.created_at,
        edited_at=post.edited_at,
        tags=post.tags,
        matched_tags=list(map(TagAnswer, matched.matched_tags)),
    )


def present_deleted_post(post: Post, deletion: Deletion) -> DeletedPostAnswer:
    """A deleted post."""
    return DeletedPostAnswer(
        **msgspec.structs.asdict(present_post(post)),
        deleted_at=timestamp(deletion.deleted_at),
        purge_at=timestamp(deletion.purge_at),
    )


def present_deletion(deletion: Deletion) -> DeletionAnswer:
    """What a soft delete promises."""
    return DeletionAnswer(
        id_post=deletion.id_post,
        deleted_at=timestamp(deletion.deleted_at),
        purge_at=timestamp(deletion.purge_at),
    )


def present_counts(counts: Sequence[HashtagCount]) -> list[HashtagCountAnswer]:
    """A ranking."""
    return [HashtagCountAnswer(name=each.name, count=each.count) for each in counts]


def present_hashtags(hashtags: Sequence[Hashtag]) -> list[HashtagAnswer]:
    """The hashtags in a text."""
    return [
        HashtagAnswer(name=each.name, display=each.display, start=each.start, end=each.end)
        for each in hashtags
    ]


def present_trending(hashtags: Sequence[TrendingHashtag]) -> list[TrendingHashtagAnswer]:
    """A ranking of hashtags on the rise."""
    return [
        TrendingHashtagAnswer(
            name=each.name,
            count=each.count,
            score=each.score,
            users_today=each.users_today,
            users_yesterday=each.users_yesterday,
        )
        for each in hashtags
    ]


def present_favorites(favorites: Sequence[Favorite]) -> list[FavoriteAnswer]:
    """The favourites of a user."""
    return [FavoriteAnswer(name=each.name, since=timestamp(each.since)) for each in favorites]
