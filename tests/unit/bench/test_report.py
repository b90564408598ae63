from bench.measuring import Cost
from bench.report import report
from bench.results import Beside, Growth, Line, Load, Point


def cost(server: float, database: float | None = 0.1, *, rate: float = 1000) -> Cost:
    return Cost(rate=rate, server=server, database=database, p50=1, p99=2)


def load(*lines: Line, log_price: float | None = None, beside: tuple[Beside, ...] = ()) -> Load:
    return Load(
        made="2026-11-29",
        facts={"Python": "3.11"},
        posts=950_000,
        rounds=5,
        seconds=5,
        callers=16,
        lines=lines,
        log_price=log_price,
        beside=beside,
    )


FIRST = Line("posts-page-1", "all posts, page 1", cost(0.3, rate=800), cost(0.25))
DEEP = Line("posts-page-45000", "all posts, page 45,000", cost(0.4, 0.2), cost(0.25))


def test_a_row_tells_both_rates_and_what_they_are_of_each_other() -> None:
    rows = list(report(load(FIRST)))

    row = next(row for row in rows if row.startswith("| all posts, page 1 "))
    assert row.split(" | ")[1:7] == ["800", "1,000", "80%", "0.300", "0.250", "1.20"]


def test_a_database_that_cannot_be_seen_has_a_dash() -> None:
    unseen = Line("users", "any user", cost(0.3, None), cost(0.3, None))

    assert any("| – | – |" in row for row in report(load(unseen)))


def test_a_deep_page_is_compared_with_the_first() -> None:
    assert (
        "- all posts, page 45,000: 1.50 times the CPU time (server and database)"
        " of all posts, page 1."
    ) in report(load(FIRST, DEEP))


def test_the_price_of_the_log_is_told() -> None:
    told = report(load(FIRST, log_price=0.06))

    assert "- The access log costs 60 µs of CPU time a request." in told


def test_reads_beside_log_ins_are_compared_with_reads_alone() -> None:
    told = report(load(FIRST, beside=(Beside("ours", (1, 4), (2, 6), 57),)))

    assert any(row.endswith("6.0 ms at the 99th percentile, 4.0 ms without: 1.5 times as long.")
               for row in told)  # fmt: skip


def test_growth_is_the_last_size_over_the_first() -> None:
    growth = Growth(
        made="2026-11-29",
        facts={},
        rounds=3,
        seconds=3,
        callers=16,
        points=[Point(10_000, "users", cost(0.3)), Point(1_000_000, "users", cost(0.4))],
    )

    assert "| users | 0.300 + 0.100 | 0.400 + 0.100 | 1.25 |" in report(load(FIRST), growth)
