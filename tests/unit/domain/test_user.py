"""Users, and what their names and passwords must look like."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpost.domain.ids import first_id_at
from hashpost.domain.user import (
    User,
    common_passwords,
    email_key,
    password_faults,
    username_faults,
    username_key,
)


def is_username(username: str) -> bool:
    """Whether it is one."""
    return not list(username_faults(username))


def password_fault(
    password: str, username: str | None = "ada", *, min_length: int = 8
) -> str | None:
    """What is wrong with the password."""
    faults = password_faults(password, username=username, min_length=min_length)
    return next((fault.detail for fault in faults), None)


@pytest.mark.parametrize(
    "username",
    ["a", "Z", "0", "_", "a.b", "a-b", "__", "_.-_", "a..b", "x" * 30, "a" + "." * 28 + "b"],
)
def test_letters_digits_and_three_signs_make_a_username(username: str) -> None:
    assert is_username(username)


@pytest.mark.parametrize(
    "username",
    [
        "",
        ".",
        "-",
        ".a",
        "a.",
        "-a",
        "a-",
        "x" * 31,
        "a b",
        "a\n",
        "\na",
        "é",
        "а",
        "a@b",
        "٣",
        "a\x00",
    ],
)
def test_nothing_else_does(username: str) -> None:
    assert not is_username(username)


@given(st.from_regex(r"[a-zA-Z0-9_]([a-zA-Z0-9_.-]{0,28}[a-zA-Z0-9_])?", fullmatch=True))
def test_every_name_of_that_form_is_a_username(username: str) -> None:
    assert is_username(username)


@given(st.text())
def test_a_wrong_username_names_its_field_once(username: str) -> None:
    faults = list(username_faults(username))

    assert [fault.field for fault in faults] in ([], ["username"])
    assert all("1 to 30" in fault.detail for fault in faults)


@given(st.from_regex(r"[a-zA-Z0-9_.-]{1,30}", fullmatch=True))
def test_the_key_of_a_username_is_its_lower_case(username: str) -> None:
    assert username_key(username) == username.lower()
    assert username_key(username.upper()) == username_key(username)


@given(st.text())
def test_the_key_folds_nothing_but_a_to_z(text: str) -> None:
    key = username_key(text)

    assert len(key) == len(text)
    assert all(
        old == new or (old.isascii() and old.lower() == new)
        for old, new in zip(text, key, strict=True)
    )


def test_a_kelvin_sign_is_no_k() -> None:
    assert username_key("\u212a") != username_key("k")


@pytest.mark.parametrize(
    "password", ["x" * 8, "x" * 256, "pass phrase", "ünï 🙂 cødé", "\t\n\r\x07 abc"]
)
def test_eight_to_256_of_any_characters_make_a_password(password: str) -> None:
    assert password_fault(password) is None


@pytest.mark.parametrize("password", ["", "x" * 7, "é" * 7, "🙂" * 7, "x" * 257])
def test_other_lengths_do_not(password: str) -> None:
    assert password_fault(password) == "8 to 256 characters"


def test_the_least_length_may_be_set_higher() -> None:
    assert password_fault("x" * 11, min_length=12) == "12 to 256 characters"
    assert password_fault("x" * 12, min_length=12) is None


@pytest.mark.parametrize("password", ["adalovelace", "AdaLovelace", "ADALOVELACE"])
def test_the_username_is_no_password_in_whatever_case(password: str) -> None:
    assert password_fault(password, "AdaLovelace") == "anything but the username"


def test_a_password_may_hold_the_username() -> None:
    assert password_fault("adalovelace1", "adalovelace") is None
    assert password_fault("adalovelace", None) is None


@pytest.mark.parametrize("password", ["password", "12345678", "PassWord", "qwertyuiop"])
def test_one_of_the_commonest_is_no_password(password: str) -> None:
    assert password_fault(password) == "not one of the commonest passwords"


def test_three_thousand_passwords_are_known_as_common() -> None:
    assert len(common_passwords()) == 3000
    assert "123456" in common_passwords()


@pytest.mark.parametrize("password", ["12345\x006789", "12345\ud8006789", "\udfff" * 9])
def test_a_password_can_be_sent_and_kept(password: str) -> None:
    assert password_fault(password) == "no NUL and no lone surrogate"


def test_the_field_of_a_wrong_password_can_be_named() -> None:
    wrong = ["x", "x\x00" * 8, "Some.Body", "password1"]

    faults = [
        fault
        for each in wrong
        for fault in password_faults(each, username="some.body", field="new_password")
    ]

    assert [fault.field for fault in faults] == ["new_password"] * 4
    assert [fault.field for fault in password_faults("x", username=None)] == ["password"]


def test_a_user_was_made_at_the_time_of_the_id() -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)

    assert User(first_id_at(at), "ada", None, None).created_at == at


def test_a_user_shows_neither_address_nor_hash() -> None:
    user = User(1, "ada", "ada@example.com", "$argon2id$")

    assert repr(user) == "User(id=1, username='ada')"
    assert user.generation == 0


def test_a_new_password_raises_the_generation() -> None:
    user = User(7, "ada", None, "old", generation=3)

    assert user.with_password("new") == User(7, "ada", None, "new", generation=4)


def test_a_digest_is_ordered_and_cancelled() -> None:
    user = User(7, "ada", "ada@example.org", None)

    assert user.with_digest(weekly=True).weekly_digest
    assert not user.with_digest(weekly=True).with_digest(weekly=False).weekly_digest


DIGEST_AT = datetime(2026, 11, 22, 23, 59, tzinfo=UTC)
READER = User(7, "ada", "ada@example.org", None, weekly_digest=True)


def test_a_first_digest_is_due_at_once_and_looks_back_a_week() -> None:
    assert READER.awaits_digest(at=DIGEST_AT)
    assert READER.digest_since(at=DIGEST_AT) == DIGEST_AT - timedelta(days=7)


def test_the_next_digest_is_due_on_the_seventh_day_and_goes_on_from_the_last() -> None:
    reader = READER.digested(at=DIGEST_AT)

    assert not reader.awaits_digest(at=DIGEST_AT + timedelta(days=6))
    assert reader.awaits_digest(at=datetime(2026, 11, 29, tzinfo=UTC))
    assert not reader.awaits_digest(at=datetime(2026, 11, 28, 23, 59, tzinfo=UTC))
    assert reader.digest_since(at=DIGEST_AT + timedelta(days=9)) == DIGEST_AT


def test_days_between_digests_are_those_of_utc_to_the_second() -> None:
    reader = READER.digested(at=datetime(2026, 11, 22, 23, 59, 30, tzinfo=UTC))
    east = timezone(timedelta(hours=9))

    assert reader.awaits_digest(at=datetime(2026, 11, 29, 0, 0, 10, tzinfo=UTC))
    assert not reader.awaits_digest(at=datetime(2026, 11, 29, 8, 59, 59, tzinfo=east))
    assert reader.awaits_digest(at=datetime(2026, 11, 29, 9, 0, 0, tzinfo=east))


def test_nobody_gets_a_digest_unasked_or_without_an_address() -> None:
    assert not replace(READER, weekly_digest=False).awaits_digest(at=DIGEST_AT)
    assert not replace(READER, email=None).awaits_digest(at=DIGEST_AT)


def test_addresses_are_equal_without_regard_to_case() -> None:
    assert email_key("Ada@Example.org") == email_key("aDA@example.ORG") == "ada@example.org"
