"""How databases run statements: by their indexes, whatever they have to guess."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from sqlalchemy import ClauseElement, text
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.sql.compiler import SQLCompiler

from hashpost.adapters.sql import SqlStorage, favorites, hashtags, messages, migrate, outbox
from hashpost.adapters.sql import posts as sql_posts
from hashpost.adapters.sql import requests as sql_requests
from hashpost.adapters.sql import sessions as sql_sessions
from hashpost.adapters.sql import timelines as sql_timelines
from hashpost.adapters.sql import users as sql_users
from hashpost.adapters.sql.posts import _BY_ID
from hashpost.adapters.sql.tables import metadata
from hashpost.adapters.sql.timelines import _oldest, _slice
from tests.servers import fresh_database

LIMIT = 20
VALUES = {
    "offset": "100",
    "before": "40000",
    "after": "0",
    "owner": "7",
    "name": "'all'",
    "list": "'#all'",
    "id": "7",
}
SETTINGS = {
    "statement_timeout": "2250ms",
    "idle_in_transaction_session_timeout": "10s",
    "plan_cache_mode": "force_generic_plan",
    "enable_bitmapscan": "off",
    "random_page_cost": "1.1",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
}
INDEXES = {"all": "ix_posts_live", "user": "ix_posts_owner_live", "hashtag": "pk_post_hashtags"}
STATEMENTS = {
    **{
        f"{kind}, {levels}{', hiding' * hiding}": (
            _slice(kind, limit=LIMIT, levels=levels, hiding=hiding),
            index,
        )
        for kind, index in INDEXES.items()
        for levels in (None, 0, 1, 2, 3)
        for hiding in (False, True)
    },
    "oldest": (_oldest(LIMIT, hiding=False), "ix_posts_live"),
    "one post": (_BY_ID, "pk_posts"),
}
FILL = (
    """INSERT INTO users SELECT i, i, i, i / 2 || '@e.com', NULL, 0, i / 2 || '@e.com', i % 50 = 0
              FROM generate_series(1, 2000) i""",
    """INSERT INTO posts SELECT i, 1 + i % 2000, repeat('x', 100), 'all t', NULL,
              CASE WHEN i % 10 = 0 THEN 1 END FROM generate_series(1, 50000) i""",
    "INSERT INTO post_hashtags SELECT 'all', id FROM posts WHERE deleted_at IS NULL",
    "INSERT INTO post_hashtags SELECT 't' || id % 3, id FROM posts WHERE deleted_at IS NULL",
    "INSERT INTO post_hashtags SELECT 'n' || id % 500, id FROM posts WHERE deleted_at IS NULL",
    """INSERT INTO post_hashtags SELECT chr(23384 + id::int % 500) || '幕', id
              FROM posts WHERE deleted_at IS NULL""",
    """INSERT INTO sessions SELECT i, i, '\\x00', NULL, NULL, i, CASE WHEN i % 10 = 0 THEN i END
              FROM generate_series(1, 20000) i""",
    """INSERT INTO session_tokens SELECT sha256(i::text::bytea), 1 + i % 20000
              FROM generate_series(1, 50000) i""",
    """INSERT INTO outbox SELECT i, 'job' || i % 7, '{}', CASE WHEN i % 100 = 0 THEN 'queued'
              WHEN i % 90 = 0 THEN 'dead' ELSE 'done' END, 1, CASE WHEN i % 100 = 0 THEN i END,
              CASE WHEN i % 100 > 0 THEN i END, CASE WHEN i % 9 = 0 THEN i END, NULL
              FROM generate_series(1, 50000) i""",
    """INSERT INTO idempotent_requests SELECT i % 2000, i, '\\x00', i, ''
              FROM generate_series(1, 20000) i""",
    """INSERT INTO favorites SELECT 1 + i % 2000, 'n' || i, i FROM generate_series(1, 20000) i""",
    """INSERT INTO tallies SELECT '#' || name, count(*) FROM post_hashtags
              WHERE post_id <= 49900 GROUP BY name""",
    """INSERT INTO tallies SELECT '@' || owner_id, count(*) FROM posts
              WHERE deleted_at IS NULL AND id <= 49900 GROUP BY owner_id""",
    "INSERT INTO tallies SELECT '*', count(*) FROM posts WHERE deleted_at IS NULL AND id <= 49900",
    """INSERT INTO marks SELECT '*', 0, 256 * n, 230 FROM generate_series(0, 194) n""",
    """INSERT INTO marks SELECT '*', 1, 16384 * n, 14745 FROM generate_series(0, 3) n""",
    "INSERT INTO marks VALUES ('*', 2, 0, 44910)",
    """INSERT INTO marks SELECT '#x' || n % 50, 0, 256 * n, 230 FROM generate_series(0, 20000) n""",
    "INSERT INTO changes SELECT '#n' || i % 500, i, -1 FROM generate_series(1, 3000) i",
    "UPDATE watermark SET folded = 49900, announced = 49900",
    "INSERT INTO deleted_users SELECT id FROM users LIMIT 300",
    "ANALYZE",
    "DELETE FROM deleted_users",  # that there were many once is what the planner goes by
)


@pytest.fixture(scope="module", params=["fresh", "vacuumed"])
def filled(postgres_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database with posts of many users, in few hashtags, and statistics of them.

    Where rows are fresh, the planner has reason to distrust scans of an index alone.
    """
    with fresh_database(postgres_url) as url:
        migrate(url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET synchronous_commit = on")  # or VACUUM comes too early
            for statement in FILL:
                connection.execute(statement)
            if request.param == "vacuumed":
                connection.execute("VACUUM ANALYZE")
        yield url


SMALL = {"deleted_users", "watermark", "changes"}
"""Tables that are empty at nearly all times, have one row, or are emptied all the time."""


def is_small(plan: dict[str, Any]) -> bool:
    """Whether a step is a look at that table."""
    return bool(plan.get("Relation Name") in SMALL)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The steps of a plan that find its posts, without those that count."""
    if plan["Node Type"] != "Aggregate" and not is_small(plan):
        yield plan
        for below in plan.get("Plans", ()):
            yield from nodes(below)


def all_nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All steps of a plan, without a look at what is small."""
    if not is_small(plan):
        yield plan
    for below in plan.get("Plans", ()):
        yield from all_nodes(below)


def planned(url: str, statement: ClauseElement, values: dict[str, str], mode: str) -> Any:
    """The plan of the statement."""
    compiled = statement.compile(
        dialect=PGDialect(paramstyle="numeric_dollar"),  # type: ignore[no-untyped-call]
        compile_kwargs={"render_postcompile": True},
    )
    assert isinstance(compiled, SQLCompiler)
    arguments = ", ".join(values[name] for name in compiled.positiontup or ())
    settings = SETTINGS | {"plan_cache_mode": mode}
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    with psycopg.connect(url, options=options) as connection:
        connection.execute(f"PREPARE page AS {compiled}")
        explain = f"EXPLAIN (FORMAT JSON) EXECUTE page({arguments})"
        explained = connection.execute(explain).fetchone()
    assert explained is not None
    return explained[0][0]["Plan"]


def planned_by_sqlite(url: str, statement: ClauseElement, values: dict[str, str]) -> list[str]:
    """The steps that SQLite takes for the statement."""
    compiled = statement.compile(
        dialect=SQLiteDialect(paramstyle="named"),
        compile_kwargs={"render_postcompile": True},
    )
    assert isinstance(compiled, SQLCompiler)
    unlimited = dict.fromkeys(compiled.bind_names.values(), "-1")
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        steps = connection.execute(f"EXPLAIN QUERY PLAN {compiled}", unlimited | values)
        return [step for *_, step in steps]


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
@pytest.mark.parametrize(("statement", "index"), STATEMENTS.values(), ids=STATEMENTS)
def test_a_page_is_read_by_indexes_alone(
    filled: str, statement: ClauseElement, index: str, mode: str
) -> None:
    plan = list(nodes(planned(filled, statement, VALUES, mode)))
    kinds = {node["Node Type"] for node in plan}
    assert kinds.isdisjoint({"Seq Scan", "Hash Join", "Merge Join", "Bitmap Heap Scan"})
    assert index in {node.get("Index Name") for node in plan}
    # The one sort there may be puts the few posts of a page in order, after all else. (Of stretches
    # that marks tell of, the one that is wanted is found by a sort of some hundred at most.)
    sorts = [node["Sort Key"] for node in plan[1:] if node["Node Type"] == "Sort"]
    assert [key for (key,) in sorts if not key.startswith("stretches_")] == []


SMALL_SITE = (
    """INSERT INTO users SELECT i, i, i, NULL, NULL, 0, NULL, false
              FROM generate_series(1, 200) i""",
    """INSERT INTO posts SELECT i, 1 + i % 200, repeat('x', 100), 'all'
              FROM generate_series(1, 5000) i""",
    "INSERT INTO post_hashtags SELECT 'n' || id % 50, id FROM posts",
    "INSERT INTO tallies SELECT '@' || id, 25 FROM users",
    "VACUUM ANALYZE",
)


@pytest.mark.parametrize(("kind", "index"), INDEXES.items())
def test_the_few_users_of_a_small_site_are_looked_up_too(
    migrated_postgres: str, kind: str, index: str
) -> None:
    with psycopg.connect(migrated_postgres, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = on")
        for statement in SMALL_SITE:
            connection.execute(statement)
    page = _slice(kind, limit=LIMIT, levels=None, hiding=False)

    plan = list(nodes(planned(migrated_postgres, page, VALUES, "force_generic_plan")))

    assert "Seq Scan" not in {node["Node Type"] for node in plan}
    assert {"pk_users", index} <= {node.get("Index Name") for node in plan}


LIMIT_OF_JOBS = 500
DAYS = {
    "today_start": "49000",
    "today_end": "49500",
    "yesterday_start": "48500",
    "yesterday_end": "49000",
}
SEARCHES = {
    **{f"merged from {names}": {"of": names} for names in (1, 2, 16, 256)},
    "all posts": {"of": 0, "none": 2},
    "one hashtag": {"of": 1, "any": 2, "all": 2, "none": 2},
    "any of some": {"of": 4, "none": 6},
}


def searching(parts: dict[str, int], *, hiding: bool) -> tuple[ClauseElement, str, dict[str, str]]:
    """The statement, an index it needs, and parameters; every candidate has the others, or none."""
    counts = {"any": 0, "all": 0, "none": 0} | parts
    hashtags = {"of": "t{} n{}", "any": "n{} all", "all": "all", "none": "x{}"}
    names = {
        f"{part}_{number}": f"'{hashtags[part].split()[number % len(hashtags[part].split())]}'"
        for part, count in counts.items()
        for number in range(count)
    }
    values = {name: value.format(int(name.split("_")[1]) % 3) for name, value in names.items()}
    limits = {"after": "0", "before": "40000", "look": "82", "limit": "21", "offset": "20"}
    index = "ix_posts_live" if counts["of"] == 0 else "pk_post_hashtags"
    return sql_timelines._matching(**counts, hiding=hiding), index, values | limits


COUNTED = {"names": "'{n1,n2}'", "lists": "'{#n1,#n2}'"}
COMPLETED = {"prefix": "'n12'", "last": f"'n12{hashtags._LAST}'", "limit": "10"}
LOOKUPS: dict[str, tuple[ClauseElement, str, dict[str, str]]] = {
    **{name: searching(parts, hiding=False) for name, parts in SEARCHES.items()},
    **{f"{name}, hiding": searching(SEARCHES[name], hiding=True) for name in list(SEARCHES)[1:]},
    "depths": (
        sql_timelines._depths(3),
        "pk_post_hashtags",
        {"of_0": "'all'", "of_1": "'t1'", "of_2": "'n1'", "after": "0", "before": "40000"},
    ),
    "count below": (sql_timelines._COUNT_BELOW, "ix_posts_live", {"below": "4000"}),
    "counts": (hashtags._counts(hiding=False), "pk_post_hashtags", COUNTED),
    "counts, hiding": (hashtags._counts(hiding=True), "ix_posts_owner_live", COUNTED),
    "popular": (hashtags._popular(hiding=False), "ix_tallies_hashtags", {"limit": "10"}),
    "popular, hiding": (hashtags._popular(hiding=True), "ix_tallies_hashtags", {"limit": "10"}),
    "completions": (hashtags._completions(hiding=False), "pk_tallies", COMPLETED),
    "completions, hiding": (hashtags._completions(hiding=True), "ix_posts_owner_live", COMPLETED),
    "completions in Chinese": (
        hashtags._completions(hiding=False),
        "pk_tallies",
        {"prefix": "'字'", "last": f"'字{hashtags._LAST}'", "limit": "10"},
    ),
    "usage": (
        hashtags._usage(hiding=False),
        "ix_post_hashtags_post_id_name",
        DAYS | {"least": "3", "names": "'{t1,n2}'"},
    ),
    "deleted posts": (
        sql_posts._deleted(LIMIT_OF_JOBS),
        "ix_posts_deleted_at",
        {"before": "40000"},
    ),
    "deleted posts of a user": (
        sql_posts._deleted_of(LIMIT),
        "ix_posts_owner_deleted",
        {"owner": "7", "since": "0", "offset": "20"},
    ),
    "posts to erase": (sql_posts._of(LIMIT_OF_JOBS), "ix_posts_owner_deleted", {"owner": "7"}),
    "whether any are left": (sql_posts._HAS_SOME, "ix_posts_owner_deleted", {"owner": "7"}),
    "old requests": (
        sql_requests._old(LIMIT_OF_JOBS),
        "ix_idempotent_requests_made_at",
        {"before": "40"},
    ),
    "requests of a user": (
        sql_requests._of(LIMIT_OF_JOBS),
        "pk_idempotent_requests",
        {"user": "7"},
    ),
    "users who live": (
        sql_users._LIVING,
        "pk_users",
        {"ids": "'{7,8}'"},
    ),
    "old posts": (sql_posts._old(LIMIT_OF_JOBS), "ix_posts_live", {"below": "40000"}),
    "expired sessions": (
        sql_sessions._ended("expires_at", LIMIT_OF_JOBS),
        "ix_sessions_expires_at",
        {"before": "15000"},
    ),
    "revoked sessions": (
        sql_sessions._ended("revoked_at", LIMIT_OF_JOBS),
        "ix_sessions_revoked_at",
        {"before": "15000"},
    ),
    "tokens of a session": (
        sql_sessions._FORGET_TOKENS,
        "ix_session_tokens_session_id",
        {"session": "7"},
    ),
    "due messages": (outbox._due(LIMIT_OF_JOBS), "ix_outbox_next_at", {"at": "40000"}),
    "ended messages": (
        outbox._ended(LIMIT_OF_JOBS),
        "ix_outbox_state_finished_at",
        {"state": "'done'", "before": "40000"},
    ),
    "a slot": (messages._SLOT, "uq_outbox_job_slot", {"job": "'job1'", "slot": "45"}),
    "newest messages": (
        messages._newest(frozenset(["job"]), 50),
        "pk_outbox",
        {"job": "'job1'", "before": "40000"},
    ),
    "users of an address": (sql_users._BY_EMAIL, "ix_users_email_key", {"key": "'7@e.com'"}),
    "users with digests": (
        sql_users._with_digest(LIMIT_OF_JOBS),
        "ix_users_weekly_digest",
        {"after": "7"},
    ),
    "favourites": (favorites._OF, "pk_favorites", {"user": "7"}),
    "names of favourites": (favorites._NAMES, "pk_favorites", {"user": "7"}),
}


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
@pytest.mark.parametrize(("statement", "index", "values"), LOOKUPS.values(), ids=LOOKUPS)
def test_no_table_is_read_as_a_whole(
    filled: str, statement: ClauseElement, index: str, values: dict[str, str], mode: str
) -> None:
    plan = list(all_nodes(planned(filled, statement, values, mode)))

    assert "Seq Scan" not in {node["Node Type"] for node in plan}
    assert index in {node.get("Index Name") for node in plan}


@pytest.mark.parametrize(
    ("statement", "values"), [each[::2] for each in LOOKUPS.values()], ids=LOOKUPS
)
def test_no_table_is_read_as_a_whole_in_sqlite(
    migrated_sqlite: str, statement: ClauseElement, values: dict[str, str]
) -> None:
    steps = planned_by_sqlite(migrated_sqlite, statement, values)

    # The ranking is read from its index, from the top and no farther than it is long.
    ranking = "SCAN tallies USING COVERING INDEX ix_tallies_hashtags"
    scanned = [step for step in steps if step.startswith("SCAN") and step != ranking]
    large = {*metadata.tables, "later"} - SMALL
    assert {step.split()[1] for step in scanned}.isdisjoint(large)


HIDING = {
    **{name: (each[0], VALUES) for name, each in STATEMENTS.items() if "hiding" in name},
    **{name: LOOKUPS[name][::2] for name in ("counts, hiding", "popular, hiding")},
}


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
@pytest.mark.parametrize(("statement", "values"), HIDING.values(), ids=HIDING)
def test_what_is_hidden_is_found_by_its_owners(
    filled: str, statement: ClauseElement, values: dict[str, str], mode: str
) -> None:
    plan = list(all_nodes(planned(filled, statement, values, mode)))

    found = [node for node in plan if str(node.get("Alias")).startswith("hidden")]
    assert {node.get("Index Name") for node in found} == {"ix_posts_owner_live"}


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
@pytest.mark.parametrize("name", ["completions", "completions in Chinese"])
def test_of_all_hashtags_only_those_that_begin_so_are_read(
    filled: str, name: str, mode: str
) -> None:
    statement, index, values = LOOKUPS[name]

    plan = list(all_nodes(planned(filled, statement, values, mode)))

    scan = next(node for node in plan if node.get("Index Name") == index)
    assert "list >= " in scan["Index Cond"]
    assert "list <= " in scan["Index Cond"]
    assert "Filter" not in scan


def test_of_all_hashtags_only_those_that_begin_so_are_read_in_sqlite(migrated_sqlite: str) -> None:
    statement, _, values = LOOKUPS["completions in Chinese"]

    steps = planned_by_sqlite(migrated_sqlite, statement, values)

    assert "SEARCH tallies USING PRIMARY KEY (list>? AND list<?)" in steps


class StepCounter:
    """Is asked again and again whether to stop, and never says so."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> bool:
        self.count += 1
        return False


@pytest.mark.parametrize("search", ["merged from 16", "all posts", "one hashtag", "any of some"])
def test_a_merged_page_costs_sqlite_the_same_among_many_posts_as_among_few(
    migrated_sqlite: str, search: str
) -> None:
    statement, _, values = LOOKUPS[search]
    compiled = statement.compile(
        dialect=SQLiteDialect(paramstyle="named"), compile_kwargs={"render_postcompile": True}
    )
    assert isinstance(compiled, SQLCompiler)
    parameters = dict.fromkeys(compiled.bind_names.values(), "-1") | {
        name: value.strip("'") for name, value in values.items()
    }
    steps: list[int] = []
    with closing(sqlite3.connect(migrated_sqlite.removeprefix("sqlite:///"))) as connection:
        for first, last in ((1, 200), (201, 20_000)):
            connection.executemany(
                "INSERT INTO post_hashtags VALUES (?, ?)",
                [
                    (name, post)
                    for post in range(first, last)
                    for name in ("all", "t0", "t1", "t2", f"n{post % 3}")
                ],
            )
            connection.executemany(
                "INSERT INTO posts VALUES (?, 1, '', '', NULL, NULL)",
                [(post,) for post in range(first, last)],
            )
            counter = StepCounter()
            connection.set_progress_handler(counter, 10)
            found = connection.execute(str(compiled), parameters).fetchall()
            steps.append(counter.count)
            assert len(found) == 21

    assert 0 < steps[1] < 1.1 * steps[0]


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
@pytest.mark.parametrize("names", [2, 16, 256])
def test_merged_timelines_are_read_only_as_far_as_the_page_goes(
    filled: str, names: int, mode: str
) -> None:
    statement, _, values = LOOKUPS[f"merged from {names}"]

    plan = list(all_nodes(planned(filled, statement, values, mode)))

    (looked,) = (node for node in plan if node.get("Subplan Name") == "CTE looked")
    kinds = {node["Node Type"] for node in all_nodes(looked)}
    assert "Merge Append" in kinds
    assert kinds.isdisjoint({"Sort", "Aggregate", "HashAggregate"})


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
@pytest.mark.parametrize("search", [name for name in LOOKUPS if name.split(",")[0] in SEARCHES])
def test_other_hashtags_are_looked_up_one_by_one(filled: str, search: str, mode: str) -> None:
    statement, _, values = LOOKUPS[search]

    plan = list(all_nodes(planned(filled, statement, values, mode)))

    assert {"Hash Join", "Merge Join", "Hash"}.isdisjoint(node["Node Type"] for node in plan)
    probes = [node for node in plan if node.get("Subplan Name", "").startswith("SubPlan")]
    conditions = [node["Index Cond"] for node in probes if "Index Cond" in node]
    assert len(conditions) == len(probes) > 0
    assert all("=" in each and ">" not in each and "<" not in each for each in conditions)


async def test_our_connections_plan_once_and_without_helpers(migrated_postgres: str) -> None:
    storage = await SqlStorage.open(migrated_postgres)

    shown = [await setting(storage, name) for name in SETTINGS]

    assert dict(zip(SETTINGS, shown, strict=True)) == SETTINGS
    await storage.close()


async def test_the_options_of_a_url_go_before_ours(migrated_postgres: str) -> None:
    url = f"{migrated_postgres}?options=-c%20jit%3Don%20-c%20work_mem%3D8MB&application_name=mine"
    storage = await SqlStorage.open(url)

    names = ("jit", "work_mem", "plan_cache_mode", "application_name")
    shown = [await setting(storage, name) for name in names]

    assert shown == ["on", "8MB", "force_generic_plan", "mine"]
    await storage.close()


async def test_behind_a_pooler_nothing_is_prepared_and_each_transaction_brings_its_limits(
    migrated_postgres: str,
) -> None:
    storage = await SqlStorage.open(migrated_postgres, prepare_threshold=None, connections=1)

    async with storage.transaction() as tx:
        ((limit,),) = await tx.users.run(text("SHOW statement_timeout"))
        ((idle,),) = await tx.users.run(text("SHOW idle_in_transaction_session_timeout"))
        for _ in range(10):
            await tx.users.by_id(1)
        ((prepared,),) = await tx.users.run(text("SELECT count(*) FROM pg_prepared_statements"))
    after = await setting(storage, "statement_timeout")

    assert (limit, idle, prepared, after) == ("2250ms", "10s", 0, "0")
    await storage.close()


async def setting(storage: SqlStorage, name: str) -> str:
    """What the setting is for a reading."""
    async with storage.reading() as reading:
        ((value,),) = await reading.users.run(text(f"SHOW {name}"))
    return str(value)
