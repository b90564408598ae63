"""Settings: what an operator chooses, read once from the environment.

Each field of `Settings` is declared with its type, its parser and its default; its variable is its
name in capitals after `HASHPOST_`, and a secret may stand in a file that `<variable>_FILE` names.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints
from urllib.parse import unquote, unquote_plus, urlsplit

from hashpost.adapters.mail.address import SmtpServer, is_sender
from hashpost.domain.trend import THRESHOLD
from hashpost.domain.user import PASSWORD_MAX_LENGTH, PASSWORD_MIN_LENGTH

PREFIX = "HASHPOST_"
DEFAULT_DATABASE_URL = "sqlite:///hashpost.db"
KEY_MIN_BYTES = 32
TTL_MAX = timedelta(days=3650)

_TESTS = re.compile(f"{PREFIX}(TEST_.*|SHARED)")
"""What the tests of this project read is not for us to complain about."""
_DURATION = re.compile(r"([1-9][0-9]{0,8})([smhd])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_PUBLIC_URL = re.compile(r"https?://[A-Za-z0-9._:\[\]-]+(?:/[A-Za-z0-9._~%/-]*)?", re.ASCII)
_PASSWORDS = {"password", "sslpassword"}
"""Parameters of libpq (PostgreSQL's manual, section 34.1.2) that nobody must see."""


class Secret:
    """A text that shows itself to nobody who does not ask for it by `reveal`."""

    __slots__ = ("_value", "shown")

    def __init__(self, value: str, *, shown: str = "***") -> None:
        self._value = value
        self.shown = shown
        """What of it anybody may see."""

    def reveal(self) -> str:
        """The text itself."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))


class SettingsError(Exception):
    """Settings that cannot be used: `problems` names every one, and what would be right."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if _NUMBER.fullmatch(text) is None or not low <= int(text) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse


def _networks(text: str) -> tuple[str, ...]:
    networks = []
    for each in text.split(","):
        try:
            networks.append(str(ip_network(each.strip())))
        except ValueError:
            raise ValueError(
                "must be IP addresses or networks with commas between, such as "
                "10.0.0.0/8,2001:db8::1; a network without bits set beyond its prefix"
            ) from None
    return tuple(networks)


def _one_of(*choices: str) -> Callable[[str], Any]:
    def parse(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(f"must be {', '.join(choices[:-1])} or {choices[-1]}")
        return text.lower()

    return parse


def parsed_duration(text: str) -> timedelta:
    """A duration such as 15m or 30d.

    Raises:
        ValueError: it is none, or too long.
    """
    match = _DURATION.fullmatch(text)
    duration = match and timedelta(**{_UNITS[match[2]]: int(match[1])})
    if not duration or duration > TTL_MAX:
        raise ValueError(f"must be a duration such as 45s, 15m, 12h or 30d, up to {TTL_MAX.days}d")
    return duration


def _host(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9._:%-]+", text, re.ASCII) is None:
        raise ValueError("must be a host name or an IP address, such as 127.0.0.1, 0.0.0.0 or ::1")
    return text


def _database_url(text: str) -> Secret:
    """A URL of a kind that there is a storage for; nothing is connected to."""
    if not (text == "memory:" or sqlite_path(text) is not None or _is_postgres(text)):
        raise ValueError(
            "must be sqlite:///PATH, postgresql://USER@HOST:PORT/NAME, or memory: "
            "(an absolute PATH makes four slashes)"
        )
    return Secret(text, shown=_without_password(text))


def _is_postgres(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme == "postgresql" and len(parts.path) > 1


def _without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    if at and ":" in user:
        authority = f"{user.partition(':')[0]}:***@{host}"
    path, mark, query = path.partition("?")
    query = "&".join(map(_masked, query.split("&")))
    return f"{scheme}{separator}{authority}{slash}{path}{mark}{query}"


def _masked(parameter: str) -> str:
    name, equals, _ = parameter.partition("=")
    return f"{name}=***" if equals and unquote_plus(name) in _PASSWORDS else parameter


def _redis_url(text: str) -> Secret:
    if not _is_redis(text):
        raise ValueError(
            "must be redis://USER:PASSWORD@HOST:PORT/NUMBER, rediss://… or unix://PATH"
        )
    return Secret(text, shown=_without_password(text))


def _is_redis(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    if parts.scheme == "unix":
        return len(parts.path) > 1
    database = parts.path.removeprefix("/")
    number = not database or _NUMBER.fullmatch(database) is not None
    return parts.scheme in ("redis", "rediss") and bool(parts.hostname) and number


def _smtp_url(text: str) -> Secret:
    SmtpServer.parsed(text)
    return Secret(text, shown=_without_password(text))


def _sender(text: str) -> str:
    if not is_sender(text):
        raise ValueError("must be one plain address in ASCII, such as hashpost@example.org")
    return text


def _public_url(text: str) -> str:
    """A URL to which paths can be appended, so without a slash in the end."""
    if _PUBLIC_URL.fullmatch(text) is None or not _is_url(text):
        raise ValueError(
            "must be a URL such as https://posts.example.org, without user, query and fragment"
        )
    return text.rstrip("/")


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _path(text: str) -> Path:
    if "\0" in text:
        raise ValueError("must be a path")
    return Path(text)


def _folder(text: str) -> Path:
    path = _path(text)
    try:
        found = path.is_dir()
    except OSError:
        found = False
    if not found:
        raise ValueError("must be a folder that exists")
    return path


def sqlite_path(url: str) -> Path | None:
    """The file that an SQLite URL names, or None when it names none."""
    scheme, _, encoded = url.partition(":///")
    path = unquote(encoded)
    if scheme != "sqlite" or not path or path == ":memory:" or "\0" in path or "?" in encoded:
        return None
    return Path(path)


def secret_keys(text: str) -> tuple[bytes, ...]:
    """The keys of a list with commas between, the signing one first.

    Raises:
        ValueError: there is none, or one is short; the message does not tell it.
    """
    keys = tuple(key.strip().encode("utf-8", "surrogateescape") for key in text.split(","))
    if min(map(len, keys)) < KEY_MIN_BYTES:
        raise ValueError(
            f"must be a secret of at least {KEY_MIN_BYTES} bytes, or several with commas between"
        )
    return keys


def _secret_key(text: str) -> Secret | None:
    secret_keys(text)
    return Secret(text)


_FROM_FILE = "may also be read from a file"
_PASSWORD_LENGTH = _integer(PASSWORD_MIN_LENGTH, PASSWORD_MAX_LENGTH)
_QUOTA = _integer(0, 100_000)
_DEFAULT_DATABASE = _database_url(DEFAULT_DATABASE_URL)

LogLevel = Literal["debug", "info", "warning", "error"]
Switch = Literal["on", "off"]
LogFormat = Literal["auto", "json", "console"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings; `docs/settings.md` says what each is for."""

    database_url: Annotated[Secret, _database_url, _FROM_FILE] = _DEFAULT_DATABASE
    redis_url: Annotated[Secret | None, _redis_url, _FROM_FILE] = None
    secret_key: Annotated[Secret | None, _secret_key, _FROM_FILE] = None
    host: Annotated[str, _host] = "127.0.0.1"
    port: Annotated[int, _integer(0, 65535)] = 8000
    workers: Annotated[int, _integer(1, 256)] = 1
    access_token_ttl: Annotated[timedelta, parsed_duration] = timedelta(minutes=15)
    refresh_token_ttl: Annotated[timedelta, parsed_duration] = timedelta(days=30)
    deleted_posts_kept: Annotated[timedelta, parsed_duration] = timedelta(days=30)
    password_min_length: Annotated[int, _PASSWORD_LENGTH] = PASSWORD_MIN_LENGTH
    rate_limits: Annotated[Switch, _one_of("on", "off")] = "on"
    limit_failed_logins_per_name: Annotated[int, _QUOTA] = 10
    limit_failed_logins_per_address: Annotated[int, _QUOTA] = 30
    limit_sign_ups: Annotated[int, _QUOTA] = 10
    limit_password_resets: Annotated[int, _QUOTA] = 5
    limit_writes: Annotated[int, _QUOTA] = 300
    trusted_proxies: Annotated[tuple[str, ...], _networks] = ()
    trending_threshold: Annotated[int, _integer(1, 1_000_000)] = THRESHOLD
    smtp_url: Annotated[Secret | None, _smtp_url, _FROM_FILE] = None
    mail_dir: Annotated[Path, _path] = Path("mail")
    mail_from: Annotated[str, _sender] = "hashpost@localhost"
    mail_templates: Annotated[Path | None, _folder] = None
    public_url: Annotated[str, _public_url] = "http://127.0.0.1:8000"
    log_level: Annotated[LogLevel, _one_of("debug", "info", "warning", "error")] = "info"
    log_format: Annotated[LogFormat, _one_of("auto", "json", "console")] = "auto"

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings of an environment. A variable that is empty counts as unset.

        Raises:
            SettingsError: names every variable that is wrong, all at once.
        """
        values: dict[str, Any] = {}
        problems: list[str] = []
        for name, (parse, *marks) in _declarations().items():
            try:
                text = _text(environment, name, secret=_FROM_FILE in marks)
                if text is not None:
                    values[name] = parse(text)
            except _Misread as error:
                problems.append(str(error))
            except ValueError as error:
                problems.append(f"{variable(name)} {error}")
        if problems:
            raise SettingsError(problems)
        return cls(**values)

    def texts(self) -> dict[str, str | None]:
        """Each variable with its value as text, secrets masked; None where there is none."""
        return {variable(each.name): _shown(getattr(self, each.name)) for each in fields(self)}


class _Misread(Exception):
    """The text of a setting cannot be had; the message is a whole problem."""


def variable(name: str) -> str:
    """The environment variable of the setting of that name."""
    return PREFIX + name.upper()


def variables() -> Iterator[str]:
    """Every environment variable that is read."""
    for name, marks in _declarations().items():
        yield variable(name)
        if _FROM_FILE in marks:
            yield f"{variable(name)}_FILE"


def _declarations() -> dict[str, tuple[Any, ...]]:
    """The parser and the marks of every setting, by its name."""
    hints = get_type_hints(Settings, include_extras=True)
    return {name: hint.__metadata__ for name, hint in hints.items()}


def strangers(environment: Mapping[str, str]) -> list[str]:
    """A warning for every variable that looks like a setting and is none, likely misspelt."""
    from difflib import get_close_matches

    known = set(variables())
    warnings = []
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in known and not _TESTS.fullmatch(name):
            near = get_close_matches(name, sorted(known), n=1, cutoff=0.0)
            warnings.append(f"{name} is no setting and is ignored; did you mean {near[0]}?")
    return warnings


def _text(environment: Mapping[str, str], name: str, *, secret: bool) -> str | None:
    direct = environment.get(variable(name)) or None
    path = (environment.get(f"{variable(name)}_FILE") or None) if secret else None
    if path is None:
        return direct
    if direct is not None:
        raise _Misread(f"{variable(name)} and {variable(name)}_FILE are both set: set one of them")
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise _Misread(f"{variable(name)}_FILE must name a readable file: {reason}") from error
    if not text:
        raise _Misread(f"{variable(name)}_FILE must name a file that is not empty")
    return text


def _shown(value: object) -> str | None:
    if isinstance(value, Secret):
        return value.shown
    if isinstance(value, timedelta):
        return _as_duration(value)
    if isinstance(value, tuple):
        return ",".join(value) or None
    return None if value is None else str(value)


def _as_duration(value: timedelta) -> str:
    seconds = int(value.total_seconds())
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"
