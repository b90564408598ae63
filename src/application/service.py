"""Everything hashpost does, in one place: the in-process face, and what HTTP and commands call."""

from dataclasses import dataclass
from datetime import timedelta

from hashpost.application.accounts import LogIn, Refresh, SignUp
from hashpost.application.admission import Admission, Authenticate
from hashpost.application.hashtags import PopularHashtags
from hashpost.application.housekeeping import CheckReadiness, CheckStorage
from hashpost.application.ports import (
    AccessTokens,
    Clock,
    Cursors,
    EmailAddresses,
    Ids,
    PasswordHasher,
    RefreshTokens,
    Storage,
)
from hashpost.application.posts import CreatePost, DeletePost, EditPost, ReadPost
from hashpost.application.timelines import ListHashtagPosts, ListPosts, ListUserPosts, Pages
from hashpost.application.transfer import ExportPosts, ImportPosts
from hashpost.domain.user import PASSWORD_MIN_LENGTH


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One adapter for every port."""

    storage: Storage
    clock: Clock
    ids: Ids
    hasher: PasswordHasher
    access_tokens: AccessTokens
    refresh_tokens: RefreshTokens
    cursors: Cursors
    emails: EmailAddresses


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The numbers that an operator may choose."""

    access_token_ttl: timedelta = timedelta(minutes=15)
    refresh_token_ttl: timedelta = timedelta(days=30)
    deleted_posts_kept: timedelta = timedelta(days=30)
    password_min_length: int = PASSWORD_MIN_LENGTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The use cases. Who acts comes first; errors are those of `hashpost.domain.errors`."""

    sign_up: SignUp
    log_in: LogIn
    refresh: Refresh
    authenticate: Authenticate

    create_post: CreatePost
    read_post: ReadPost
    edit_post: EditPost
    delete_post: DeletePost

    list_posts: ListPosts
    list_user_posts: ListUserPosts
    list_hashtag_posts: ListHashtagPosts

    popular_hashtags: PopularHashtags

    import_posts: ImportPosts
    export_posts: ExportPosts
    check_storage: CheckStorage
    check_readiness: CheckReadiness


def build_service(world: World, policy: Policy) -> Service:
    """The service over these adapters."""
    storage, clock, ids = world.storage, world.clock, world.ids
    admission = Admission(storage, clock)
    pages = Pages(world.cursors)
    return Service(
        sign_up=SignUp(storage, world.hasher, world.emails, clock, ids, policy.password_min_length),
        log_in=LogIn(
            storage,
            world.hasher,
            world.access_tokens,
            world.refresh_tokens,
            clock,
            ids,
            policy.access_token_ttl,
            policy.refresh_token_ttl,
        ),
        refresh=Refresh(
            storage,
            world.access_tokens,
            world.refresh_tokens,
            clock,
            policy.access_token_ttl,
            policy.refresh_token_ttl,
        ),
        authenticate=Authenticate(world.access_tokens, admission, clock),
        create_post=CreatePost(storage, admission, clock, ids),
        read_post=ReadPost(storage, admission),
        edit_post=EditPost(storage, admission, clock),
        delete_post=DeletePost(storage, admission, clock, policy.deleted_posts_kept),
        list_posts=ListPosts(storage, admission, pages),
        list_user_posts=ListUserPosts(storage, admission, pages),
        list_hashtag_posts=ListHashtagPosts(storage, admission, pages),
        popular_hashtags=PopularHashtags(storage, admission),
        import_posts=ImportPosts(storage, clock, ids),
        export_posts=ExportPosts(storage),
        check_storage=CheckStorage(storage),
        check_readiness=CheckReadiness(storage),
    )
