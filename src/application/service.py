"""Everything hashpost does, in one place: the in-process face, and what HTTP and commands call."""

from dataclasses import dataclass
from datetime import timedelta

from hashpost.application import mails, periodic
from hashpost.application.accounts import LogIn, Refresh, Revoke, SignUp
from hashpost.application.admission import Admission, Authenticate
from hashpost.application.favorites import (
    AddFavorite,
    ListFavoritePosts,
    ListFavorites,
    RemoveFavorite,
)
from hashpost.application.hashtags import PopularHashtags, TrendingHashtags
from hashpost.application.housekeeping import (
    ERASE_USER,
    CheckReadiness,
    CheckStorage,
    EraseUser,
)
from hashpost.application.idempotency import Once
from hashpost.application.mails import Mailing
from hashpost.application.messages import (
    Chance,
    Jobs,
    ListMessages,
    Outgoing,
    PurgeMessages,
    ReadMessage,
    RetryMessage,
    RunMessage,
    SweepOutbox,
)
from hashpost.application.ports import (
    AccessTokens,
    Clock,
    CronTimes,
    Cursors,
    EmailAddresses,
    Ids,
    Mailer,
    MailTemplates,
    MailTokens,
    PasswordHasher,
    RefreshTokens,
    Storage,
    TaskQueue,
)
from hashpost.application.posts import (
    CreatePost,
    DeletePost,
    EditPost,
    ListDeletedPosts,
    ReadPost,
    RestorePost,
)
from hashpost.application.profile import (
    ChangePassword,
    ConfirmPasswordReset,
    DeleteUser,
    ReadMe,
    ReadUser,
    RequestPasswordReset,
    SetDigest,
    SetPassword,
    Unsubscribe,
)
from hashpost.application.schedules import (
    ChangeSchedule,
    ClaimSlot,
    CountOldPosts,
    EnsureSchedules,
    ListSchedules,
    PlanSlots,
    RunSchedule,
)
from hashpost.application.timelines import ListHashtagPosts, ListPosts, ListUserPosts, Pages
from hashpost.application.transfer import ExportPosts, ImportPosts
from hashpost.domain.message import LEASE
from hashpost.domain.trend import THRESHOLD
from hashpost.domain.user import PASSWORD_MIN_LENGTH


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One adapter for every port."""

    storage: Storage
    clock: Clock
    ids: Ids
    chance: Chance
    hasher: PasswordHasher
    access_tokens: AccessTokens
    refresh_tokens: RefreshTokens
    mail_tokens: MailTokens
    cursors: Cursors
    emails: EmailAddresses
    mailer: Mailer
    templates: MailTemplates
    cron: CronTimes
    queue: TaskQueue


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What an operator may choose. `public_url` is the base of links in mails."""

    access_token_ttl: timedelta = timedelta(minutes=15)
    refresh_token_ttl: timedelta = timedelta(days=30)
    deleted_posts_kept: timedelta = timedelta(days=30)
    password_min_length: int = PASSWORD_MIN_LENGTH
    trending_threshold: int = THRESHOLD
    public_url: str = "http://127.0.0.1:8000"
    lease: timedelta = LEASE
    """For how long a message belongs to a worker that does not renew its lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The use cases. Who acts comes first; errors are those of `hashpost.domain.errors`."""

    sign_up: SignUp
    log_in: LogIn
    refresh: Refresh
    revoke: Revoke
    authenticate: Authenticate
    read_me: ReadMe
    read_user: ReadUser
    change_password: ChangePassword
    request_password_reset: RequestPasswordReset
    confirm_password_reset: ConfirmPasswordReset
    set_digest: SetDigest
    unsubscribe: Unsubscribe
    delete_user: DeleteUser

    create_post: CreatePost
    read_post: ReadPost
    edit_post: EditPost
    delete_post: DeletePost
    restore_post: RestorePost
    list_deleted_posts: ListDeletedPosts

    list_posts: ListPosts
    list_user_posts: ListUserPosts
    list_hashtag_posts: ListHashtagPosts
    list_favorite_posts: ListFavoritePosts

    popular_hashtags: PopularHashtags
    trending_hashtags: TrendingHashtags

    add_favorite: AddFavorite
    remove_favorite: RemoveFavorite
    list_favorites: ListFavorites

    run_message: RunMessage
    sweep_outbox: SweepOutbox
    list_messages: ListMessages
    read_message: ReadMessage
    retry_message: RetryMessage
    purge_messages: PurgeMessages

    ensure_schedules: EnsureSchedules
    plan_slots: PlanSlots
    claim_slot: ClaimSlot
    list_schedules: ListSchedules
    change_schedule: ChangeSchedule
    run_schedule: RunSchedule
    count_old_posts: CountOldPosts

    import_posts: ImportPosts
    export_posts: ExportPosts
    check_storage: CheckStorage
    check_readiness: CheckReadiness


def build_service(world: World, policy: Policy) -> Service:
    """The service over these adapters."""
    storage, clock, ids, queue = world.storage, world.clock, world.ids, world.queue
    admission = Admission(storage, clock)
    pages = Pages(world.cursors)
    outgoing = Outgoing(clock, ids)
    once = Once(clock)
    set_password = SetPassword(outgoing, queue)
    return Service(
        sign_up=SignUp(
            storage,
            world.hasher,
            world.emails,
            clock,
            ids,
            outgoing,
            queue,
            policy.password_min_length,
        ),
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
        revoke=Revoke(storage, clock),
        authenticate=Authenticate(world.access_tokens, admission, clock),
        read_me=ReadMe(storage, admission),
        read_user=ReadUser(storage, admission),
        change_password=ChangePassword(
            storage, admission, world.hasher, set_password, policy.password_min_length
        ),
        request_password_reset=RequestPasswordReset(storage, outgoing, queue),
        confirm_password_reset=ConfirmPasswordReset(
            storage,
            world.hasher,
            world.mail_tokens,
            clock,
            set_password,
            policy.password_min_length,
        ),
        set_digest=SetDigest(storage, admission),
        unsubscribe=Unsubscribe(storage, world.mail_tokens),
        delete_user=DeleteUser(storage, admission, world.hasher, clock, outgoing, queue),
        create_post=CreatePost(storage, admission, once, clock, ids),
        read_post=ReadPost(storage, admission),
        edit_post=EditPost(storage, admission, clock),
        delete_post=DeletePost(storage, admission, clock, policy.deleted_posts_kept),
        restore_post=RestorePost(storage, admission, once, clock, policy.deleted_posts_kept),
        list_deleted_posts=ListDeletedPosts(storage, admission, clock, policy.deleted_posts_kept),
        list_posts=ListPosts(storage, admission, pages),
        list_user_posts=ListUserPosts(storage, admission, pages),
        list_hashtag_posts=ListHashtagPosts(storage, admission, pages),
        list_favorite_posts=ListFavoritePosts(storage, admission, world.cursors),
        popular_hashtags=PopularHashtags(storage, admission),
        trending_hashtags=TrendingHashtags(storage, admission, clock),
        add_favorite=AddFavorite(storage, admission, clock),
        remove_favorite=RemoveFavorite(storage, admission),
        list_favorites=ListFavorites(storage, admission),
        run_message=RunMessage(
            storage, clock, world.chance, queue, build_jobs(world, policy), policy.lease
        ),
        sweep_outbox=SweepOutbox(storage, clock, queue),
        list_messages=ListMessages(storage),
        read_message=ReadMessage(storage),
        retry_message=RetryMessage(storage, clock, queue),
        purge_messages=PurgeMessages(storage, clock),
        ensure_schedules=EnsureSchedules(storage, clock),
        plan_slots=PlanSlots(storage, clock, world.cron),
        claim_slot=ClaimSlot(storage, outgoing),
        list_schedules=ListSchedules(storage, clock, world.cron),
        change_schedule=ChangeSchedule(storage, clock, world.cron),
        run_schedule=RunSchedule(storage, outgoing, queue),
        count_old_posts=CountOldPosts(storage, clock),
        import_posts=ImportPosts(storage, clock, ids),
        export_posts=ExportPosts(storage),
        check_storage=CheckStorage(storage),
        check_readiness=CheckReadiness(storage),
    )


def build_jobs(world: World, policy: Policy) -> Jobs:
    """What is done for each kind of message."""
    storage, clock = world.storage, world.clock
    outgoing = Outgoing(clock, world.ids)
    mailing = Mailing(world.mailer, world.templates, policy.public_url.rstrip("/"))
    return {
        mails.WELCOME: mails.WelcomeMail(storage, mailing),
        mails.PASSWORD_RESET: mails.PasswordReset(storage, outgoing),
        mails.PASSWORD_RESET_MAIL: mails.PasswordResetMail(storage, mailing, world.mail_tokens),
        mails.PASSWORD_CHANGED: mails.PasswordChangedMail(storage, mailing),
        mails.DIGEST: mails.DigestMail(storage, mailing, world.mail_tokens),
        ERASE_USER: EraseUser(storage),
        periodic.PURGE_DELETED_POSTS: periodic.PurgeDeletedPosts(
            storage, clock, policy.deleted_posts_kept
        ),
        periodic.PURGE_EXPIRED: periodic.PurgeExpired(storage, clock, policy.access_token_ttl),
        periodic.SCORE_TRENDS: periodic.ScoreTrends(storage, clock, policy.trending_threshold),
        periodic.SEND_DIGESTS: mails.SendDigests(storage, clock, outgoing),
        periodic.SELF_CHECK: periodic.SelfCheck(CheckStorage(storage)),
        periodic.DELETE_OLD_POSTS: periodic.DeleteOldPosts(storage, clock),
    }
