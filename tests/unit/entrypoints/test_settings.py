"""Settings are read strictly, all problems at once, and secrets do not show."""

import string
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import FrozenInstanceError, fields
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from hashpost.application.service import Policy
from hashpost.entrypoints.settings import (
    Secret,
    Settings,
    SettingsError,
    secret_keys,
    sqlite_path,
    strangers,
    variables,
)

KEY = "k" * 32


def problems_of(environment: Mapping[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings.read(environment)
    return list(caught.value.problems)


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = Settings.read({})

    assert settings == Settings()
    assert settings.texts() == {
        "HASHPOST_DATABASE_URL": "sqlite:///hashpost.db",
        "HASHPOST_REDIS_URL": None,
        "HASHPOST_SECRET_KEY": None,
        "HASHPOST_HOST": "127.0.0.1",
        "HASHPOST_PORT": "8000",
        "HASHPOST_WORKERS": "1",
        "HASHPOST_ACCESS_TOKEN_TTL": "15m",
        "HASHPOST_REFRESH_TOKEN_TTL": "30d",
        "HASHPOST_DELETED_POSTS_KEPT": "30d",
        "HASHPOST_PASSWORD_MIN_LENGTH": "8",
        "HASHPOST_RATE_LIMITS": "on",
        "HASHPOST_LIMIT_FAILED_LOGINS_PER_NAME": "10",
        "HASHPOST_LIMIT_FAILED_LOGINS_PER_ADDRESS": "30",
        "HASHPOST_LIMIT_SIGN_UPS": "10",
        "HASHPOST_LIMIT_PASSWORD_RESETS": "5",
        "HASHPOST_LIMIT_WRITES": "300",
        "HASHPOST_TRUSTED_PROXIES": None,
        "HASHPOST_TRENDING_THRESHOLD": "5",
        "HASHPOST_SMTP_URL": None,
        "HASHPOST_MAIL_DIR": "mail",
        "HASHPOST_MAIL_FROM": "hashpost@localhost",
        "HASHPOST_MAIL_TEMPLATES": None,
        "HASHPOST_PUBLIC_URL": "http://127.0.0.1:8000",
        "HASHPOST_LOG_LEVEL": "info",
        "HASHPOST_LOG_FORMAT": "auto",
    }


def test_what_is_a_policy_too_has_the_same_default_there() -> None:
    settings, policy = Settings(), Policy()
    shared = {each.name for each in fields(settings)} & {each.name for each in fields(policy)}

    assert "public_url" in shared
    assert {name: getattr(settings, name) for name in shared} == {
        name: getattr(policy, name) for name in shared
    }


def test_an_empty_variable_counts_as_unset() -> None:
    assert Settings.read(dict.fromkeys(variables(), "")) == Settings()


def test_every_variable_is_read_into_its_field(tmp_path: Path) -> None:
    settings = Settings.read(
        {
            "HASHPOST_DATABASE_URL": "postgresql://ada@db:5433/posts",
            "HASHPOST_REDIS_URL": "redis://cache:6380/2",
            "HASHPOST_SECRET_KEY": KEY,
            "HASHPOST_HOST": "::1",
            "HASHPOST_PORT": "0",
            "HASHPOST_WORKERS": "4",
            "HASHPOST_ACCESS_TOKEN_TTL": "45s",
            "HASHPOST_REFRESH_TOKEN_TTL": "12h",
            "HASHPOST_DELETED_POSTS_KEPT": "7d",
            "HASHPOST_PASSWORD_MIN_LENGTH": "12",
            "HASHPOST_RATE_LIMITS": "Off",
            "HASHPOST_LIMIT_FAILED_LOGINS_PER_NAME": "1",
            "HASHPOST_LIMIT_FAILED_LOGINS_PER_ADDRESS": "2",
            "HASHPOST_LIMIT_SIGN_UPS": "0",
            "HASHPOST_LIMIT_PASSWORD_RESETS": "4",
            "HASHPOST_LIMIT_WRITES": "100000",
            "HASHPOST_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.1,2001:DB8::/32",
            "HASHPOST_TRENDING_THRESHOLD": "3",
            "HASHPOST_SMTP_URL": "smtps://ada:pw@mail",
            "HASHPOST_MAIL_DIR": "var/mail",
            "HASHPOST_MAIL_FROM": "posts@example.org",
            "HASHPOST_MAIL_TEMPLATES": str(tmp_path),
            "HASHPOST_PUBLIC_URL": "https://example.org/posts/",
            "HASHPOST_LOG_LEVEL": "DEBUG",
            "HASHPOST_LOG_FORMAT": "json",
        }
    )

    assert settings == Settings(
        database_url=Secret("postgresql://ada@db:5433/posts"),
        redis_url=Secret("redis://cache:6380/2"),
        secret_key=Secret(KEY),
        host="::1",
        port=0,
        workers=4,
        access_token_ttl=timedelta(seconds=45),
        refresh_token_ttl=timedelta(hours=12),
        deleted_posts_kept=timedelta(days=7),
        password_min_length=12,
        rate_limits="off",
        limit_failed_logins_per_name=1,
        limit_failed_logins_per_address=2,
        limit_sign_ups=0,
        limit_password_resets=4,
        limit_writes=100_000,
        trusted_proxies=("10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"),
        trending_threshold=3,
        smtp_url=Secret("smtps://ada:pw@mail"),
        mail_dir=Path("var/mail"),
        mail_from="posts@example.org",
        mail_templates=tmp_path,
        public_url="https://example.org/posts",
        log_level="debug",
        log_format="json",
    )


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc]


def test_all_problems_are_told_at_once_and_each_names_its_variable() -> None:
    wrong = {
        "HASHPOST_DATABASE_URL": "mysql://db/x",
        "HASHPOST_REDIS_URL": "http://cache",
        "HASHPOST_SECRET_KEY": "short",
        "HASHPOST_HOST": "no such host",
        "HASHPOST_PORT": "http",
        "HASHPOST_WORKERS": "0",
        "HASHPOST_ACCESS_TOKEN_TTL": "15",
        "HASHPOST_REFRESH_TOKEN_TTL": "1w",
        "HASHPOST_DELETED_POSTS_KEPT": "0d",
        "HASHPOST_PASSWORD_MIN_LENGTH": "7",
        "HASHPOST_RATE_LIMITS": "yes",
        "HASHPOST_LIMIT_FAILED_LOGINS_PER_NAME": "-1",
        "HASHPOST_LIMIT_FAILED_LOGINS_PER_ADDRESS": "many",
        "HASHPOST_LIMIT_SIGN_UPS": "1.5",
        "HASHPOST_LIMIT_PASSWORD_RESETS": "100001",
        "HASHPOST_LIMIT_WRITES": "3e2",
        "HASHPOST_TRUSTED_PROXIES": "*",
        "HASHPOST_TRENDING_THRESHOLD": "0",
        "HASHPOST_SMTP_URL": "mail:25",
        "HASHPOST_MAIL_DIR": "\0",
        "HASHPOST_MAIL_FROM": "nobody",
        "HASHPOST_MAIL_TEMPLATES": "/no/such/folder",
        "HASHPOST_PUBLIC_URL": "example.org",
        "HASHPOST_LOG_LEVEL": "loud",
        "HASHPOST_LOG_FORMAT": "xml",
    }

    problems = problems_of(wrong)

    assert [problem.split()[0] for problem in problems] == list(wrong)
    assert all(" must be " in problem and "\n" not in problem for problem in problems)


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("HASHPOST_PORT", "65536", "a whole number from 0 to 65535"),
        ("HASHPOST_PORT", "+80", "a whole number from 0 to 65535"),
        ("HASHPOST_PORT", "٨٠", "a whole number from 0 to 65535"),
        ("HASHPOST_PORT", "080", "a whole number from 0 to 65535"),
        ("HASHPOST_ACCESS_TOKEN_TTL", "1.5h", "15m"),
        ("HASHPOST_ACCESS_TOKEN_TTL", "3651d", "up to 3650d"),
        ("HASHPOST_ACCESS_TOKEN_TTL", "999999999d", "up to 3650d"),
        ("HASHPOST_DATABASE_URL", "sqlite://", "sqlite:///PATH"),
        ("HASHPOST_DATABASE_URL", "sqlite:///", "sqlite:///PATH"),
        ("HASHPOST_DATABASE_URL", "sqlite:///:memory:", "memory:"),
        ("HASHPOST_DATABASE_URL", "sqlite:///a?mode=ro", "sqlite:///PATH"),
        ("HASHPOST_DATABASE_URL", "postgresql://db", "postgresql://USER@HOST:PORT/NAME"),
        ("HASHPOST_DATABASE_URL", "postgresql://db:99999/x", "postgresql://USER@HOST:PORT/NAME"),
        ("HASHPOST_DATABASE_URL", "postgresql://[::1/x", "postgresql://USER@HOST:PORT/NAME"),
        ("HASHPOST_SECRET_KEY", f"{KEY},", "at least 32 bytes"),
        ("HASHPOST_SECRET_KEY", f"{KEY},{KEY[1:]}", "at least 32 bytes"),
        ("HASHPOST_LOG_FORMAT", "text", "auto, json or console"),
        ("HASHPOST_REDIS_URL", "redis://", "redis://USER:PASSWORD@HOST:PORT/NUMBER"),
        ("HASHPOST_REDIS_URL", "redis://h/x", "redis://USER:PASSWORD@HOST:PORT/NUMBER"),
        ("HASHPOST_REDIS_URL", "redis://h:x/1", "redis://USER:PASSWORD@HOST:PORT/NUMBER"),
        ("HASHPOST_REDIS_URL", "unix://", "unix://PATH"),
        ("HASHPOST_SMTP_URL", "smtp://", "smtp://USER:PASSWORD@HOST:587"),
        ("HASHPOST_SMTP_URL", "smtp://ada@mail", "smtp://USER:PASSWORD@HOST:587"),
        ("HASHPOST_SMTP_URL", "smtp://mail/path", "smtp://USER:PASSWORD@HOST:587"),
        ("HASHPOST_MAIL_FROM", "a@b.c, z@z.z", "one plain address"),
        ("HASHPOST_MAIL_FROM", "Ada <a@b.c>", "one plain address"),
        ("HASHPOST_MAIL_FROM", "a@b.c\n", "one plain address"),
        ("HASHPOST_MAIL_FROM", "ä@b.c", "one plain address"),
        ("HASHPOST_MAIL_FROM", "a@b..c", "one plain address"),
        ("HASHPOST_MAIL_FROM", f"{'a' * 65}@b.c", "one plain address"),
        ("HASHPOST_MAIL_FROM", f"a@{'b' * 253}", "one plain address"),
        ("HASHPOST_MAIL_TEMPLATES", __file__, "a folder that exists"),
        ("HASHPOST_MAIL_TEMPLATES", "x" * 5000, "a folder that exists"),
        ("HASHPOST_PUBLIC_URL", "ftp://example.org", "https://posts.example.org"),
        ("HASHPOST_PUBLIC_URL", "https://", "https://posts.example.org"),
        ("HASHPOST_PUBLIC_URL", "https://:80", "https://posts.example.org"),
        ("HASHPOST_PUBLIC_URL", "https://[::1", "https://posts.example.org"),
        ("HASHPOST_PUBLIC_URL", "https://example.org?x=1", "without user, query and fragment"),
        ("HASHPOST_PUBLIC_URL", "https://example.org/#x", "without user, query and fragment"),
        ("HASHPOST_PUBLIC_URL", "https://ada@example.org", "without user, query and fragment"),
        ("HASHPOST_PUBLIC_URL", 'https://example.org/"><b>', "without user, query and fragment"),
        ("HASHPOST_RATE_LIMITS", "0", "on or off"),
        ("HASHPOST_TRUSTED_PROXIES", "proxy.example.org", "IP addresses or networks"),
        ("HASHPOST_TRUSTED_PROXIES", "10.0.0.1,", "IP addresses or networks"),
        ("HASHPOST_TRUSTED_PROXIES", "10.0.0.1/8", "without bits set beyond its prefix"),
        ("HASHPOST_TRUSTED_PROXIES", "10.0.0.0/33", "IP addresses or networks"),
        ("HASHPOST_TRENDING_THRESHOLD", "1000001", "a whole number from 1 to 1000000"),
    ],
)
def test_a_problem_says_what_would_be_right(name: str, value: str, right: str) -> None:
    (problem,) = problems_of({name: value})

    assert problem.startswith(f"{name} must be ")
    assert right in problem


@given(st.integers(min_value=1, max_value=3650), st.sampled_from("smhd"))
def test_durations_have_four_units(number: int, unit: str) -> None:
    settings = Settings.read({"HASHPOST_ACCESS_TOKEN_TTL": f"{number}{unit}"})

    seconds = number * {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
    assert settings.access_token_ttl == timedelta(seconds=seconds)


@given(st.integers(min_value=1, max_value=3650 * 86400))
def test_a_duration_is_shown_as_it_could_be_set(seconds: int) -> None:
    settings = Settings(deleted_posts_kept=timedelta(seconds=seconds))

    shown = settings.texts()["HASHPOST_DELETED_POSTS_KEPT"]

    assert Settings.read({"HASHPOST_DELETED_POSTS_KEPT": shown or ""}) == settings


def test_trusted_proxies_are_shown_as_they_could_be_set() -> None:
    settings = Settings(trusted_proxies=("10.0.0.0/8", "2001:db8::/32"))

    shown = settings.texts()["HASHPOST_TRUSTED_PROXIES"]

    assert shown == "10.0.0.0/8,2001:db8::/32"
    assert Settings.read({"HASHPOST_TRUSTED_PROXIES": shown}) == settings


@given(st.dictionaries(st.sampled_from(sorted(variables())), st.text()))
@example({"HASHPOST_SECRET_KEY_FILE": "\0"})
def test_whatever_the_environment_holds_it_is_read_or_refused(environment: dict[str, str]) -> None:
    with suppress(SettingsError):
        Settings.read(environment)


# With a beginning that stands nowhere in what is shown of settings.
TYPED = st.text(string.ascii_letters + string.digits, min_size=8).map("zQ0{}".format)


@given(TYPED)
def test_a_password_in_a_database_url_is_never_shown(password: str) -> None:
    url = f"postgresql://ada:{password}@db/posts?sslpassword={password}&application_name=x"
    settings = Settings.read({"HASHPOST_DATABASE_URL": url})
    assume(password not in url.replace(password, "") + repr(Settings()))

    shown = settings.texts()["HASHPOST_DATABASE_URL"]

    assert shown == "postgresql://ada:***@db/posts?sslpassword=***&application_name=x"
    assert password not in repr(settings)
    assert settings.database_url.reveal() == url


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("pass%77ord=s3cret", "pass%77ord=***"),
        ("%70assword=s3cret&port=1", "%70assword=***&port=1"),
        ("port=1&sslp%61ssword=s3cret", "port=1&sslp%61ssword=***"),
        ("password=s3=cr?et&port=1", "password=***&port=1"),
        ("password=s3cret&password=s3cret", "password=***&password=***"),
        ("application_name=password", "application_name=password"),
        ("passfile=/a/b", "passfile=/a/b"),
        ("password", "password"),
        ("", ""),
    ],
)
def test_a_password_is_masked_in_whatever_way_its_parameter_is_spelt(
    query: str, shown: str
) -> None:
    settings = Settings.read({"HASHPOST_DATABASE_URL": f"postgresql://ada@db/posts?{query}"})

    assert settings.texts()["HASHPOST_DATABASE_URL"] == f"postgresql://ada@db/posts?{shown}"


def test_a_password_with_an_at_sign_is_masked_whole() -> None:
    settings = Settings.read({"HASHPOST_DATABASE_URL": "postgresql://ada:p@ss@db/posts"})

    assert settings.texts()["HASHPOST_DATABASE_URL"] == "postgresql://ada:***@db/posts"


@pytest.mark.parametrize(
    ("name", "url", "shown"),
    [
        ("HASHPOST_REDIS_URL", "redis://:hunter2@cache", "redis://:***@cache"),
        ("HASHPOST_REDIS_URL", "rediss://ada:hunter2@cache:1/0", "rediss://ada:***@cache:1/0"),
        ("HASHPOST_REDIS_URL", "unix:///run/r?password=hunter2", "unix:///run/r?password=***"),
        ("HASHPOST_SMTP_URL", "smtp://ada:hunter2@mail:587", "smtp://ada:***@mail:587"),
        ("HASHPOST_SMTP_URL", "smtps://ada@x.y:hunter2@mail", "smtps://ada@x.y:***@mail"),
    ],
)
def test_a_password_in_another_url_is_never_shown(name: str, url: str, shown: str) -> None:
    settings = Settings.read({name: url})

    assert settings.texts()[name] == shown
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("HASHPOST_REDIS_URL", "http://:hunter2@cache"),
        ("HASHPOST_REDIS_URL", "redis://:hunter2/@cache"),
        ("HASHPOST_SMTP_URL", "smtp://ada:hunter2@mail:99999"),
        ("HASHPOST_SMTP_URL", "smtp://ada:hunter2%ff@mail"),
    ],
)
def test_another_refused_url_is_not_repeated(name: str, url: str) -> None:
    (problem,) = problems_of({name: url})

    assert "hunter2" not in problem


@pytest.mark.parametrize("url", ["https://example.org", "http://[::1]:8000/", "http://h/a%20b//"])
def test_a_path_can_be_appended_to_the_public_url(url: str) -> None:
    assert Settings.read({"HASHPOST_PUBLIC_URL": url}).public_url == url.rstrip("/")


@given(st.text(min_size=1))
def test_a_secret_shows_itself_only_when_asked(text: str) -> None:
    secret = Secret(text)

    assert f"{secret} {secret!r} {[secret]}" == "*** *** [***]"
    assert secret.reveal() == text


def test_secrets_are_equal_when_their_texts_are() -> None:
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a") != "a"


def test_a_refused_key_is_not_repeated() -> None:
    (problem,) = problems_of({"HASHPOST_SECRET_KEY": "hunter2hunter2"})

    assert "hunter2" not in problem


def test_a_refused_database_url_is_not_repeated() -> None:
    (problem,) = problems_of({"HASHPOST_DATABASE_URL": "postgres://ada:hunter2@db/x"})

    assert "hunter2" not in problem


def test_keys_are_told_apart_by_commas_and_counted_in_bytes() -> None:
    assert secret_keys(f"{KEY}, {'é' * 16}") == (KEY.encode(), ("é" * 16).encode())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HASHPOST_SECRET_KEY", KEY),
        ("HASHPOST_DATABASE_URL", "memory:"),
        ("HASHPOST_REDIS_URL", "unix:///run/redis.sock"),
        ("HASHPOST_SMTP_URL", "smtp://mail"),
    ],
)
def test_a_secret_may_stand_in_a_file(tmp_path: Path, name: str, value: str) -> None:
    path = tmp_path / "secret"
    path.write_text(f"{value}\n")

    assert Settings.read({f"{name}_FILE": str(path)}) == Settings.read({name: value})


def test_every_secret_can_stand_in_a_file_and_nothing_else() -> None:
    secret = {each.name.upper() for each in fields(Settings) if "Secret" in str(each.type)}

    in_files = {name for name in variables() if name.endswith("_FILE")}

    assert in_files == {f"HASHPOST_{name}_FILE" for name in secret}


def test_a_secret_in_the_environment_and_in_a_file_is_one_too_many(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text(KEY)

    (problem,) = problems_of({"HASHPOST_SECRET_KEY": KEY, "HASHPOST_SECRET_KEY_FILE": str(path)})

    assert "HASHPOST_SECRET_KEY and HASHPOST_SECRET_KEY_FILE" in problem


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), (b"", "not empty"), (b" \n", "not empty"), (b"\xff" * 40, "UTF-8")],
)
def test_a_file_without_a_secret_is_a_problem(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)

    (problem,) = problems_of({"HASHPOST_SECRET_KEY_FILE": str(path)})

    assert problem.startswith("HASHPOST_SECRET_KEY_FILE must name a ")
    assert reason in problem


def test_a_misspelt_variable_is_told_with_the_nearest_name() -> None:
    (warning,) = strangers({"HASHPOST_DATABSE_URL": "memory:", "PATH": "/bin"})

    assert warning == (
        "HASHPOST_DATABSE_URL is no setting and is ignored; did you mean HASHPOST_DATABASE_URL?"
    )


def test_variables_that_are_known_or_for_tests_are_no_strangers() -> None:
    known = dict.fromkeys([*variables(), "HASHPOST_TEST_POSTGRES_URL", "HASHPOST_SHARED"], "x")

    assert strangers(known) == []


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///a.db", Path("a.db")),
        ("sqlite:////var/a.db", Path("/var/a.db")),
        ("sqlite:///a%20b.db", Path("a b.db")),
        ("sqlite:///%00", None),
        ("memory:", None),
        ("postgresql:///a", None),
    ],
)
def test_an_sqlite_url_names_a_file(url: str, path: Path | None) -> None:
    assert sqlite_path(url) == path
