"""1.3: ETag, If-None-Match and If-Match."""

from typing import Any

import pytest

from hashpost.entrypoints.http.asgi import Answer
from hashpost.entrypoints.http.conditional import unless_known, versions
from tests.unit.http.calling import Caller, problem_of

WRONG_LISTS = ["", "x", '"', '"a" "b"', "W/*", '*,"a"', '"a', 'w/"a"', '"a b"', "'a'", '"a",x']


async def call(caller: Caller, method: str, path: str, body: Any = None, **headers: str) -> Any:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return await caller.call(method, path, body, headers=names)


@pytest.mark.parametrize("form", ["{}", "W/{}", '"a", {}', '{}, "b"', ',{} ,\t"c",', "*"])
async def test_a_post_that_the_caller_has_is_304(ada: Caller, form: str) -> None:
    post = await ada.call("POST", "/api/posts/", {"text": "Hello"})
    tag = post.headers["ETag"]

    answer = await call(ada, "GET", post.headers["Location"], If_None_Match=form.format(tag))

    assert answer.status_code == 304
    assert answer.content == b""
    assert answer.headers["ETag"] == tag
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert not {"content-type", "content-length"} & set(answer.headers)


@pytest.mark.parametrize("tags", [*WRONG_LISTS, '"x"', 'W/"x"'])
async def test_a_post_is_given_in_full_to_whom_has_something_else(ada: Caller, tags: str) -> None:
    post = await ada.call("POST", "/api/posts/", {"text": "Hello"})

    answer = await call(ada, "GET", post.headers["Location"], If_None_Match=tags)

    assert answer.status_code == 200
    assert answer.json() == post.json()


async def test_a_head_request_may_be_conditional_too(ada: Caller) -> None:
    post = await ada.call("POST", "/api/posts/", {"text": "Hello"})

    answer = await call(ada, "HEAD", post.headers["Location"], If_None_Match=post.headers["ETag"])

    assert answer.status_code == 304


def test_several_headers_are_one_list() -> None:
    headers = [(b"if-match", b'"a"'), (b"x", b'"x"'), (b"if-match", b'W/"b", "c"')]

    assert versions(headers) == frozenset({"a", "c"})
    assert versions([(b"if-match", b" * ")]) is None
    assert versions([]) is None
    assert unless_known([(b"if-none-match", b'"a"')], Answer(200, b"{}"), version="a").status == 304


@pytest.mark.parametrize("tags", [tags for tags in WRONG_LISTS if tags] + ['W/"{}"', '"{}0"'])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("by_path", [True, False])
async def test_a_post_in_another_version_is_neither_edited_nor_deleted(
    ada: Caller, tags: str, method: str, *, by_path: bool
) -> None:
    post = await ada.write("Hello")
    tags = tags.format(f"{post['id_post']}.0")

    answer = await change(ada, method, post["id_post"], by_path=by_path, If_Match=tags)

    assert problem_of(answer) == (412, "precondition-failed", [])
    assert (await ada.get(f"/api/posts/{post['id_post']}/")).json() == post


async def change(
    caller: Caller, method: str, id_post: int, *, by_path: bool, **headers: str
) -> Any:
    body: dict[str, Any] = {} if method == "DELETE" else {"text": "changed"}
    if by_path:
        return await call(caller, method, f"/api/posts/{id_post}/", body or None, **headers)
    return await call(caller, method, "/api/posts/", body | {"id_post": id_post}, **headers)


@pytest.mark.parametrize("form", ["{}", '"x", {}', "*"])
@pytest.mark.parametrize("by_path", [True, False])
async def test_a_post_is_changed_in_the_version_that_is_meant(
    ada: Caller, form: str, *, by_path: bool
) -> None:
    created = await ada.call("POST", "/api/posts/", {"text": "Hello"})
    id_post, tag = created.json()["id_post"], created.headers["ETag"]

    edited = await change(ada, "PUT", id_post, by_path=by_path, If_Match=form.format(tag))
    late = await change(ada, "PUT", id_post, by_path=by_path, If_Match=tag)
    new_tag = edited.headers["ETag"]
    deleted = await change(ada, "DELETE", id_post, by_path=by_path, If_Match=form.format(new_tag))

    assert (edited.status_code, deleted.status_code) == (200, 200)
    assert problem_of(late) == (412, "precondition-failed", [])
    assert new_tag != tag


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("by_path", [True, False])
async def test_404_and_403_come_before_412(
    ada: Caller, bob: Caller, method: str, *, by_path: bool
) -> None:
    live, gone = await ada.write("Hello"), await ada.write("Hello")
    await ada.call("DELETE", f"/api/posts/{gone['id_post']}/")

    answers = [
        await change(caller, method, id_post, by_path=by_path, If_Match='"x"')
        for caller, id_post in ((bob, live["id_post"]), (ada, gone["id_post"]), (ada, 1))
    ]

    assert [answer.status_code for answer in answers] == [403, 404, 404]


async def test_a_restored_post_has_the_tag_of_its_version(ada: Caller) -> None:
    post = await ada.call("POST", "/api/posts/", {"text": "Hello"})
    path = post.headers["Location"]
    await ada.call("DELETE", path)

    restored = await ada.call("POST", f"{path}restore/")

    assert restored.headers["ETag"] == post.headers["ETag"]
    assert (await call(ada, "GET", path, If_None_Match=post.headers["ETag"])).status_code == 304
