"""Posts and their changes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpost.domain import hashtag
from hashpost.domain.errors import FieldError, InvalidInput, NotTheOwner, PostNotFound
from hashpost.domain.ids import first_id_at
from hashpost.domain.post import Owner, Post, checked_text, text_faults
from hashpost.testing.model import text_is_wrong

AT = datetime(2026, 11, 22, 6, 21, 0, 123000, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
ADA, BOB = Owner(7, "ada"), Owner(8, "bob")
POST = Post.written(id=first_id_at(AT), owner=ADA, text=" #Hello #World ")

hard_texts = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "\x00\n\t\r\x0b\x1f\x7f\x85\x9f\xa0\u2028\u3000\u200b\u00ad\u115f\ufeff\U000e0020"
        ),
        st.characters(categories=["Cs", "Cc", "Cf", "Zs"]),
    ),
    max_size=8,
)


@given(hard_texts)
def test_a_text_is_wrong_when_the_model_says_so(text: str) -> None:
    assert bool(list(text_faults(text))) is text_is_wrong(text)


@given(hard_texts)
def test_a_wrong_text_names_its_field_once(text: str) -> None:
    assert [fault.field for fault in text_faults(text)] in ([], ["text"])


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("", "1 to 5000 characters"),
        ("x" * 5001, "1 to 5000 characters"),
        (" " * 5000 + "x", "1 to 5000 characters"),
        ("a\x00b", "no control characters but line feed and tab, no lone surrogates"),
        ("a\r\nb", "no control characters but line feed and tab, no lone surrogates"),
        ("a\x1cb", "no control characters but line feed and tab, no lone surrogates"),
        ("a\x7fb", "no control characters but line feed and tab, no lone surrogates"),
        ("a\x9fb", "no control characters but line feed and tab, no lone surrogates"),
        ("a\ud800b", "no control characters but line feed and tab, no lone surrogates"),
        (" \n\t\u2003", "something visible"),
        ("\u200b\u00ad\u115f", "something visible"),
        ("\u0600\ufff9\U00013430", "something visible"),  # format, but not ignorable
        (" ".join(f"#t{number}" for number in range(51)), "at most 50 different hashtags"),
    ],
)
def test_a_wrong_text_is_told_what_would_be_right(text: str, detail: str) -> None:
    assert list(text_faults(text)) == [FieldError("text", detail)]


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "\nx\t",
        "\U0010ffff",
        "🙂" * 5000,
        "\u2800",
        "e\u0301",
        " ".join(f"#t{number} #T{number}" for number in range(50)),
    ],
)
def test_these_texts_are_right(text: str) -> None:
    assert list(text_faults(text)) == []


@pytest.mark.parametrize(
    "white", [" ", "\n", "\t", "\u00a0", "\u2003", "\u2028", "\u3000", "\u205f"]
)
def test_outer_white_space_is_cut_off_and_inner_kept(white: str) -> None:
    assert checked_text(f"{white}a{white}b{white}") == f"a{white}b"


def test_outer_format_characters_stay() -> None:
    assert checked_text("\u200ba\u200b") == "\u200ba\u200b"


def test_a_checked_text_raises_what_is_wrong() -> None:
    with pytest.raises(InvalidInput, match="text: something visible"):
        checked_text(" ")


def test_a_new_post_is_trimmed_and_its_hashtags_read() -> None:
    post = Post.written(id=first_id_at(AT), owner=ADA, text=" #Hello #World ")

    assert post == Post(first_id_at(AT), ADA, "#Hello #World", ("hello", "world"))
    assert post.created_at == AT
    assert post.edited_at is None
    assert post.deleted_at is None


def test_a_wrong_text_makes_no_post() -> None:
    with pytest.raises(InvalidInput):
        Post.written(id=1, owner=ADA, text="")


def test_an_edit_changes_text_hashtags_and_time_and_nothing_else() -> None:
    edited = POST.edited(by=7, text="\n#news ", at=AT + 5 * MILLISECOND)

    assert edited == Post(POST.id, ADA, "#news", ("news",), edited_at=AT + 5 * MILLISECOND)


@pytest.mark.parametrize("earlier", [timedelta(0), timedelta(days=1)])
def test_every_edit_has_a_later_time_than_the_one_before(earlier: timedelta) -> None:
    first = POST.edited(by=7, text="one", at=AT - earlier)
    second = first.edited(by=7, text="two", at=AT - earlier)

    assert first.edited_at == AT + MILLISECOND
    assert second.edited_at == AT + 2 * MILLISECOND


@given(st.lists(st.tuples(st.integers(-9, 9), st.sampled_from(["#a", "#b c"])), max_size=9))
def test_no_two_states_of_a_post_have_the_same_version(edits: list[tuple[int, str]]) -> None:
    states = [POST]
    for step, text in edits:
        states.append(states[-1].edited(by=7, text=text, at=AT + step * MILLISECOND))

    assert len({state.version for state in states}) == len(states)
    assert all(state.tags == hashtag.names(state.text) for state in states)


def test_a_version_names_the_post_and_its_last_edit() -> None:
    edited = POST.edited(by=7, text="x", at=AT + MILLISECOND)

    assert POST.version == f"{POST.id}.0"
    assert edited.version == f"{POST.id}.1795328460124"


def test_a_stranger_can_neither_edit_nor_delete() -> None:
    with pytest.raises(NotTheOwner):
        POST.edited(by=8, text="x", at=AT)
    with pytest.raises(NotTheOwner):
        POST.deleted(by=8, at=AT)


def test_an_edit_with_a_wrong_text_is_refused() -> None:
    with pytest.raises(InvalidInput):
        POST.edited(by=7, text="", at=AT)


def test_a_deletion_keeps_everything_but_the_life() -> None:
    deleted = POST.deleted(by=7, at=AT + MILLISECOND)

    assert deleted == Post(
        POST.id, ADA, "#Hello #World", ("hello", "world"), deleted_at=AT + MILLISECOND
    )


def test_no_deletion_lies_before_the_last_change() -> None:
    edited = POST.edited(by=7, text="x", at=AT + timedelta(days=1))

    assert POST.deleted(by=7, at=AT - timedelta(days=1)).deleted_at == AT
    assert edited.deleted(by=7, at=AT).deleted_at == edited.edited_at


@pytest.mark.parametrize("by", [7, 8])
def test_a_deleted_post_is_not_there_for_anybody(by: int) -> None:
    deleted = POST.deleted(by=7, at=AT)

    with pytest.raises(PostNotFound):
        deleted.edited(by=by, text="x", at=AT)
    with pytest.raises(PostNotFound):
        deleted.deleted(by=by, at=AT)


def test_a_deletion_promises_when_the_text_will_be_purged() -> None:
    deletion = POST.deleted(by=7, at=AT).deletion(kept_for=timedelta(days=30))

    assert (deletion.id_post, deletion.deleted_at) == (POST.id, AT)
    assert deletion.purge_at == AT + timedelta(days=30)


def test_a_live_post_has_no_deletion() -> None:
    with pytest.raises(ValueError, match="the post is live"):
        POST.deletion(kept_for=timedelta(days=30))
