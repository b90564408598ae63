"""Every setting stands in the documentation, with its true default, and nothing else does."""

import re

from hashpost.entrypoints.settings import Settings, variables
from tests.docs.pages import page

PAGE = page("docs/settings.md")
ROWS = re.findall(r"^\| `(HASHPOST_\w+)` \| (\S+) \| (.+) \|$", PAGE, re.MULTILINE)


def test_every_setting_stands_in_the_table_in_the_order_of_config() -> None:
    assert [name for name, _, _ in ROWS] == list(Settings().texts())


def test_the_defaults_in_the_table_are_true() -> None:
    told = {name: None if default == "none" else default.strip("`") for name, default, _ in ROWS}

    assert told == Settings().texts()


def test_every_variable_that_is_read_is_named_and_no_other() -> None:
    assert set(re.findall(r"HASHPOST_[A-Z_]+[A-Z]", PAGE)) == set(variables())
