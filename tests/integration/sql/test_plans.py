"""How PostgreSQL runs the statements of timelines: by their indexes, whatever it has to guess."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import ClauseElement, text
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.sql.compiler import SQLCompiler

from hashpost.adapters.sql import SqlStorage, migrate
from hashpost.adapters.sql.posts import _BY_ID
from hashpost.adapters.sql.timelines import _oldest, _slice
from tests.servers import fresh_database

LIMIT = 20
VALUES = {
    "offset": "100",
    "before": "40000",
    "after": "0",
    "owner": "7",
    "name": "'all'",
    "id": "7",
}
SETTINGS = {
    "statement_timeout": "2250ms",
    "idle_in_transaction_session_timeout": "10s",
    "plan_cache_mode": "force_generic_plan",
    "enable_bitmapscan": "off",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
}
STATEMENTS = {
    "all, by offset": (_slice("all", limit=LIMIT, by_offset=True), "ix_posts_live"),
    "all, by cursor": (_slice("all", limit=LIMIT, by_offset=False), "ix_posts_live"),
    "user, by offset": (_slice("user", limit=LIMIT, by_offset=True), "ix_posts_owner_live"),
    "user, by cursor": (_slice("user", limit=LIMIT, by_offset=False), "ix_posts_owner_live"),
    "hashtag, by offset": (_slice("hashtag", limit=LIMIT, by_offset=True), "pk_post_hashtags"),
    "hashtag, by cursor": (_slice("hashtag", limit=LIMIT, by_offset=False), "pk_post_hashtags"),
    "oldest": (_oldest(LIMIT), "ix_posts_live"),
    "one post": (_BY_ID, "pk_posts"),
}
FILL = (
    "INSERT INTO users SELECT i, i, i, NULL, NULL, 0 FROM generate_series(1, 2000) i",
    """INSERT INTO posts SELECT i, 1 + i % 2000, repeat('x', 100), 'all t', NULL,
              CASE WHEN i % 10 = 0 THEN 1 END FROM generate_series(1, 50000) i""",
    "INSERT INTO post_hashtags SELECT 'all', id FROM posts WHERE deleted_at IS NULL",
    "INSERT INTO post_hashtags SELECT 't' || id % 3, id FROM posts WHERE deleted_at IS NULL",
    "ANALYZE",
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


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The steps of a plan that find its posts, without those that count."""
    if plan["Node Type"] != "Aggregate":
        yield plan
        for below in plan.get("Plans", ()):
            yield from nodes(below)


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
@pytest.mark.parametrize(("statement", "index"), STATEMENTS.values(), ids=STATEMENTS)
def test_a_page_is_read_by_indexes_alone(
    filled: str, statement: ClauseElement, index: str, mode: str
) -> None:
    compiled = statement.compile(dialect=PGDialect(paramstyle="numeric_dollar"))  # type: ignore[no-untyped-call]
    assert isinstance(compiled, SQLCompiler)
    values = ", ".join(VALUES[name] for name in compiled.positiontup or ())
    settings = SETTINGS | {"plan_cache_mode": mode}
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    with psycopg.connect(filled, options=options) as connection:
        connection.execute(f"PREPARE page AS {compiled}")
        explained = connection.execute(f"EXPLAIN (FORMAT JSON) EXECUTE page({values})").fetchone()

    assert explained is not None
    plan = list(nodes(explained[0][0]["Plan"]))
    kinds = {node["Node Type"] for node in plan}
    assert kinds.isdisjoint({"Seq Scan", "Hash Join", "Merge Join", "Bitmap Heap Scan"})
    assert index in {node.get("Index Name") for node in plan}
    # The one sort there may be puts the few posts of a page in order, after all else.
    assert "Sort" not in {node["Node Type"] for node in plan[1:]}


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
        for _ in range(10):
            await tx.users.by_id(1)
        ((prepared,),) = await tx.users.run(text("SELECT count(*) FROM pg_prepared_statements"))
    after = await setting(storage, "statement_timeout")

    assert (limit, prepared, after) == ("2250ms", 0, "0")
    await storage.close()


async def setting(storage: SqlStorage, name: str) -> str:
    """What the setting is for a reading."""
    async with storage.reading() as reading:
        ((value,),) = await reading.users.run(text(f"SHOW {name}"))
    return str(value)
