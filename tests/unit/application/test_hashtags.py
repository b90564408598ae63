"""Completing hashtags, and finding those in a text."""

from collections.abc import Awaitable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hashpost.adapters.memory import MemoryStorage
from hashpost.application.service import Service
from hashpost.domain.errors import InvalidInput, Unauthenticated
from hashpost.domain.hashtag import parse
from hashpost.domain.post import Post
from hashpost.testing.clock import ManualClock
from hashpost.testing.strategies import hashtag_texts, hashtags, post_texts
from tests.services import a_hasher, a_service

PASSWORD = "correct horse battery"


@pytest.fixture
async def ada(service: Service) -> int:
    return (await service.sign_up(username="ada", password=PASSWORD)).id


async def completed(service: Service, actor: int, prefix: str, **limit: int) -> list[str]:
    return [tag.name for tag in await service.complete_hashtags(actor, prefix, **limit)]


async def test_completions_are_ten_unless_asked_otherwise(service: Service, ada: int) -> None:
    await service.create_post(ada, " ".join(f"#t{number}" for number in range(50)))
    await service.create_post(ada, "#t49")

    ten = await service.complete_hashtags(ada, "T")

    assert [(tag.name, tag.count) for tag in ten[:3]] == [("t49", 2), ("t0", 1), ("t1", 1)]
    assert len(ten) == 10
    assert len(await completed(service, ada, "T", limit=50)) == 50
    assert await completed(service, ada, "T", limit=1) == ["t49"]


async def test_a_prefix_that_no_hashtag_has_completes_to_nothing(
    service: Service, ada: int
) -> None:
    await service.create_post(ada, "#donald #2024wahl")

    assert await completed(service, ada, "#Don") == ["donald"]
    assert await completed(service, ada, "don·") == []
    assert await completed(service, ada, "2024") == ["2024wahl"]


@settings(max_examples=50)
@given(st.lists(hashtags(), min_size=1, max_size=8), st.data())
async def test_every_beginning_of_a_key_completes_to_all_that_have_it_and_to_no_other(
    spellings: list[str], data: st.DataObject
) -> None:
    service = a_service(MemoryStorage(), ManualClock(), a_hasher())
    ada = (await service.sign_up(username="ada", password=PASSWORD)).id
    await service.create_post(ada, " ".join(spellings))
    keys = {parse(spelling) or "" for spelling in spellings}
    key = data.draw(st.sampled_from(sorted(keys)))
    beginning = key[: data.draw(st.integers(1, len(key)))]

    found = await completed(service, ada, beginning, limit=50)

    assert found == sorted(name for name in keys if name.startswith(beginning))


@pytest.mark.parametrize(
    ("prefix", "limit", "fields"),
    [
        ("##a", 10, ["prefix"]),
        ("", 1, ["prefix"]),
        ("a", 0, ["limit"]),
        ("a", 51, ["limit"]),
        ("a b", 51, ["prefix", "limit"]),
    ],
)
async def test_all_that_is_wrong_with_a_completion_is_named(
    service: Service, ada: int, prefix: str, limit: int, fields: list[str]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        await service.complete_hashtags(ada, prefix, limit=limit)

    assert [error.field for error in caught.value.errors] == fields


async def test_an_extraction_tells_every_occurrence_and_writes_nothing(
    service: Service, storage: MemoryStorage, ada: int
) -> None:
    found = await service.extract_hashtags(ada, " 😀 #Straße, #STRASSE!")

    assert [(each.name, each.display, each.start, each.end) for each in found] == [
        ("strasse", "Straße", 3, 10),
        ("strasse", "STRASSE", 12, 20),
    ]
    assert (await service.list_posts(ada)).count == 0
    assert await completed(service, ada, "s") == []


@settings(max_examples=50)
@given(
    st.one_of(post_texts(), hashtag_texts(max_pieces=8)),
    st.sampled_from(["", " ", "\n", "\u3000\t"]),
)
@example("", " ")
@example("#a\x07", "")
@example(" ".join(f"#t{number}" for number in range(51)), "\n")
async def test_an_extraction_tells_what_a_post_of_the_text_carries_or_why_there_can_be_none(
    text: str, space: str
) -> None:
    service = a_service(MemoryStorage(), ManualClock(), a_hasher())
    ada = (await service.sign_up(username="ada", password=PASSWORD)).id
    text = f"{space}{text}{space}"

    found = await outcome(service.extract_hashtags(ada, text))
    post = await outcome(service.create_post(ada, text))

    if isinstance(post, Post):
        assert tuple(dict.fromkeys(each.name for each in found)) == post.tags
        assert [text[each.start + 1 : each.end] for each in found] == [
            each.display for each in found
        ]
    else:
        assert found == post


async def outcome(call: Awaitable[Any]) -> Any:
    """What comes of it: an answer, or what is wrong with the input."""
    try:
        return await call
    except InvalidInput as refused:
        return refused.errors


async def test_nobody_completes_and_extracts(service: Service) -> None:
    with pytest.raises(Unauthenticated):
        await service.complete_hashtags(1, "##")
    with pytest.raises(Unauthenticated):
        await service.extract_hashtags(1, "")
