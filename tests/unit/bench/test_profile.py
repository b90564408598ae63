import json
from pathlib import Path

import pytest

from bench.profile import Samples

MAIN, LISTS, READS = ("x/app.py", "main"), ("x/app.py", "lists"), ("sqlalchemy/pool.py", "reads")


@pytest.fixture
def samples(tmp_path: Path) -> Samples:
    """Ten samples: six in one stack, four in a shorter one."""
    file = tmp_path / "samples.json"
    file.write_text(json.dumps([[6, [MAIN, LISTS, READS]], [4, [MAIN, LISTS, LISTS]]]))
    return Samples.read(file)


def test_all_samples_are_counted(samples: Samples) -> None:
    assert samples.total == 10


def test_a_function_itself_is_where_the_stack_ends(samples: Samples) -> None:
    assert samples.itself() == {READS: 6, LISTS: 4}


def test_a_package_is_what_the_path_begins_with(samples: Samples) -> None:
    assert samples.packages() == {("sqlalchemy", ""): 6, ("x", ""): 4}


def test_what_a_function_calls_counts_for_it_once_and_what_is_always_there_is_left_out(
    samples: Samples,
) -> None:
    assert samples.inclusive() == {READS: 6}
