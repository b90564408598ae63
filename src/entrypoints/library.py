"""hashpost in the process of another program: the use cases, without HTTP.

Whatever needs a driver is imported when a service is opened, so importing this costs next to
nothing.
"""

import os
import stat
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from functools import cached_property
from pathlib import Path

from hashpost.application.ports import (
    Clock,
    Ids,
    Mailer,
    MailTemplates,
    PasswordHasher,
    Storage,
    TaskQueue,
)
from hashpost.application.service import Policy, Service, World, build_service
from hashpost.entrypoints.settings import (
    DEFAULT_DATABASE_URL,
    Settings,
    SettingsError,
    secret_keys,
    sqlite_path,
    variable,
)

MEMORY = "memory:"


@asynccontextmanager
async def open_service(
    database_url: str = DEFAULT_DATABASE_URL,
    *,
    secret_key: str | None = None,
    policy: Policy | None = None,
    clock: Clock | None = None,
    ids: Ids | None = None,
    mailer: Mailer | None = None,
    templates: MailTemplates | None = None,
    queue: TaskQueue | None = None,
    hasher: PasswordHasher | None = None,
) -> AsyncIterator[Service]:
    """Open everything that is kept in a database, and close it in the end.

    `database_url` is `sqlite:///PATH`, `postgresql://USER@HOST:PORT/NAME`, or `memory:`. An SQLite
    file is made and brought to the present schema; a PostgreSQL database is left as it is.

    `secret_key` signs tokens and cursors: at least 32 bytes, or several keys with commas between,
    of which the first signs and all verify. Without one, an SQLite database has its own in a file
    beside it; otherwise one is drawn that ends with the service, and its tokens with it.

    Mails, periodic jobs and the erasing of deleted accounts, which nobody sees any more, wait in
    the database until something runs them: `hashpost serve` on the same database, or `sweep_outbox`
    and `run_message` here. `mailer` sends mails then, by default into the folder `mail`; `queue` is
    told of messages as soon as they are committed. `hasher` hashes passwords, and is left open.

    Raises:
        ValueError: a URL or a key that cannot be used.
        SettingsError: the key file beside the SQLite file cannot be used.
        SchemaMismatch: PostgreSQL has another schema; `hashpost migrate` changes that.
        UnusableDatabase: the file or the server is there, but is no database, or lets nobody in.
        Unavailable: the database is away.
    """
    keys = secret_keys(secret_key) if secret_key is not None else _keys_of(database_url)
    async with AsyncExitStack() as stack:
        world = await _world(
            stack,
            database_url,
            keys=keys,
            clock=clock,
            ids=ids,
            mailer=mailer,
            templates=templates,
            queue=queue,
            hasher=hasher,
        )
        yield build_service(world, policy or Policy())


class NoQueue:
    """Tells nobody of messages: whoever looks for them finds them."""

    def wake(self, message_ids: Collection[int]) -> None:
        """Do nothing."""


def open_settings(
    settings: Settings,
    *,
    queue: TaskQueue | None = None,
    hasher: PasswordHasher | None = None,
) -> AbstractAsyncContextManager[Service]:
    """The service that the settings describe; as `open_service`.

    Raises:
        SettingsError: a template of the operator's is broken.
    """
    secret_key = settings.secret_key
    return open_service(
        settings.database_url.reveal(),
        secret_key=None if secret_key is None else secret_key.reveal(),
        policy=policy(settings),
        mailer=mailer(settings),
        templates=_templates(settings),
        queue=queue,
        hasher=hasher,
    )


def mailer(settings: Settings) -> Mailer:
    """The mailer that the settings describe."""
    from hashpost.adapters.mail.composing import Composer
    from hashpost.adapters.system import SystemClock

    composer = Composer(sender=settings.mail_from, clock=SystemClock())
    if settings.smtp_url is None:
        from hashpost.adapters.mail.files import FileMailer

        return FileMailer(folder=settings.mail_dir, composer=composer)
    from hashpost.adapters.mail.address import SmtpServer
    from hashpost.adapters.mail.smtp import SmtpMailer

    return SmtpMailer(server=SmtpServer.parsed(settings.smtp_url.reveal()), composer=composer)


class OurTemplates:
    """The words of mails that come along, loaded when the first mail is written."""

    def render(self, name: str, values: Mapping[str, object]) -> tuple[str, str, str]:
        """Subject, text and HTML of the mail of that name."""
        return self._loaded.render(name, values)

    @cached_property
    def _loaded(self) -> MailTemplates:
        from hashpost.adapters.mail.templates import JinjaTemplates

        return JinjaTemplates()


def _templates(settings: Settings) -> MailTemplates:
    if settings.mail_templates is None:
        return OurTemplates()
    from hashpost.adapters.mail.templates import BrokenTemplate, JinjaTemplates

    try:
        return JinjaTemplates(settings.mail_templates)
    except BrokenTemplate as error:
        raise SettingsError(
            [f"{variable('mail_templates')} has a broken template: {error}"]
        ) from error


def policy(settings: Settings) -> Policy:
    """The numbers that the operator has chosen."""
    return Policy(
        access_token_ttl=settings.access_token_ttl,
        refresh_token_ttl=settings.refresh_token_ttl,
        deleted_posts_kept=settings.deleted_posts_kept,
        password_min_length=settings.password_min_length,
        trending_threshold=settings.trending_threshold,
        public_url=settings.public_url,
    )


def require_lasting_key(settings: Settings) -> None:
    """Return if tokens will outlive the process and hold in others; a server needs that.

    Raises:
        SettingsError: PostgreSQL, and no secret key.
    """
    url = settings.database_url.reveal()
    if settings.secret_key is None and url != MEMORY and sqlite_path(url) is None:
        name = variable("secret_key")
        raise SettingsError(
            [
                f"{name} must be set with PostgreSQL: at least 32 random bytes, for example from "
                "`openssl rand -base64 48`"
            ]
        )


async def _storage(stack: AsyncExitStack, database_url: str) -> Storage:
    """The storage at that URL, open until the stack is closed."""
    if database_url == MEMORY:
        from hashpost.adapters.memory import MemoryStorage

        return MemoryStorage()
    from hashpost.adapters.sql import SqlStorage

    storage = await SqlStorage.open(database_url)
    stack.push_async_callback(storage.close)
    return storage


async def _world(
    stack: AsyncExitStack,
    database_url: str,
    *,
    keys: Sequence[bytes],
    clock: Clock | None,
    ids: Ids | None,
    mailer: Mailer | None,
    templates: MailTemplates | None,
    queue: TaskQueue | None,
    hasher: PasswordHasher | None,
) -> World:
    from hashpost.adapters.addresses import EmailSyntax
    from hashpost.adapters.cron import CronTimetable
    from hashpost.adapters.mail.composing import Composer
    from hashpost.adapters.mail.files import FileMailer
    from hashpost.adapters.passwords import Argon2Hasher
    from hashpost.adapters.system import SystemClock, SystemIds, chance
    from hashpost.adapters.tokens import (
        Blake2Cursors,
        HmacMailTokens,
        HmacRefreshTokens,
        JwtAccessTokens,
    )

    if hasher is None:
        ours = Argon2Hasher()
        stack.callback(ours.close)
        hasher = ours
    clock = clock or SystemClock()
    default = Settings()
    composer = Composer(sender=default.mail_from, clock=clock)
    return World(
        storage=await _storage(stack, database_url),
        clock=clock,
        ids=ids or SystemIds(),
        chance=chance,
        hasher=hasher,
        access_tokens=JwtAccessTokens(keys),
        refresh_tokens=HmacRefreshTokens(keys),
        mail_tokens=HmacMailTokens(keys),
        cursors=Blake2Cursors(keys),
        emails=EmailSyntax(),
        mailer=mailer or FileMailer(folder=default.mail_dir, composer=composer),
        templates=templates or OurTemplates(),
        cron=CronTimetable(),
        queue=queue or NoQueue(),
    )


def _keys_of(database_url: str) -> tuple[bytes, ...]:
    database = sqlite_path(database_url)
    return (_random_key().encode(),) if database is None else file_keys(key_path(database))


def key_path(database: Path) -> Path:
    """Where an SQLite database has its own secret key: in a file beside it."""
    return database.with_name(f"{database.name}.key")


def file_keys(path: Path) -> tuple[bytes, ...]:
    """The keys in that file, which is made if it is not there; of several makers one wins.

    Raises:
        SettingsError: others can read it, it is empty or holds a short key, or cannot be had.
    """
    try:
        if not path.exists():
            _make(path)
        return _read(path)
    except OSError as error:
        raise SettingsError([f"The key file {path} cannot be had: {error.strerror}"]) from error


def _make(path: Path) -> None:
    """Whole or not at all: written under another name, and linked to its own."""
    draft = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{_random_key()}\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()


def _read(path: Path) -> tuple[bytes, ...]:
    with path.open(encoding="utf-8", errors="surrogateescape") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        text = file.read().strip()
    if mode & 0o077:
        raise SettingsError(
            [
                f"The key file {path} has mode {mode:04o} and must have 0600: chmod it, and put a "
                "new key in front if anybody else may have read it"
            ]
        )
    try:
        return secret_keys(text)
    except ValueError as error:
        raise SettingsError(
            [
                f"The key file {path} {error}; restore it, or remove it to get a new one, with "
                "which everybody has to log in again"
            ]
        ) from error


def _random_key() -> str:
    return urlsafe_b64encode(os.urandom(48)).decode()
