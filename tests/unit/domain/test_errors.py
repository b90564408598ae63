"""Errors say what happened."""

import pytest

from hashpost.domain import errors
from hashpost.domain.errors import (
    FieldError,
    HashpostError,
    InvalidInput,
    InvalidResetToken,
    require,
)

LEAVES = [
    error
    for error in vars(errors).values()
    if isinstance(error, type) and issubclass(error, HashpostError)
]


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [error.code for error in LEAVES]

    assert len(set(codes)) == len(codes) == 21


@pytest.mark.parametrize("error", LEAVES)
def test_every_error_has_a_code_and_a_title_for_people(error: type[HashpostError]) -> None:
    assert error.code.replace("-", "").islower()
    assert error.title[0].isupper()


def test_an_error_tells_its_title_unless_it_knows_better() -> None:
    assert errors.PostNotFound().detail == "There is no such post"
    assert errors.Unavailable("The disk is full").detail == "The disk is full"


def test_wrong_input_names_every_field() -> None:
    error = InvalidInput([FieldError("a", "one"), FieldError("b", "two")])

    assert error.errors == (FieldError("a", "one"), FieldError("b", "two"))
    assert error.detail == "a: one; b: two"


def test_nothing_wrong_raises_nothing() -> None:
    require()
    require([], iter(()))


def test_all_findings_are_raised_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        require([FieldError("a", "x")], [], iter([FieldError("b", "y"), FieldError("c", "z")]))

    assert [error.field for error in caught.value.errors] == ["a", "b", "c"]


def test_an_invalid_reset_token_names_its_field() -> None:
    assert InvalidResetToken().errors == (
        FieldError("token", "one that was mailed within the last hour, unused"),
    )
