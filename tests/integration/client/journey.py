"""What a program does with the client that was generated, typed through and through.

It is run against the server whose URL it is given. The client is there only when the tests have
generated it, so it is they who check the types in here.
"""

import sys
from typing import TypeVar

from hashpost_client import AuthenticatedClient, Client
from hashpost_client.api.accounts import log_in, sign_up
from hashpost_client.api.hashtags import complete, extract
from hashpost_client.api.posts import create, delete, edit, list_, read
from hashpost_client.api.timelines import of_hashtag
from hashpost_client.models import (
    CreatePostBody,
    DeletePostBody,
    EditPostBody,
    ExtractHashtagsBody,
    LogInBody,
    PageAnswer,
    PostAnswer,
    Problem,
    SignUpBody,
)
from hashpost_client.types import UNSET, Unset

T = TypeVar("T")
PASSWORD = "correct horse battery"


def good(answer: T | Problem | None) -> T:
    """The answer, which is no problem."""
    assert answer is not None
    assert not isinstance(answer, Problem), answer
    return answer


def problem(answer: object) -> Problem:
    """The problem that the answer is."""
    assert isinstance(answer, Problem), answer
    return answer


def signed_up(nobody: Client, url: str) -> AuthenticatedClient:
    user = good(sign_up.sync(client=nobody, body=SignUpBody(username="ada", password=PASSWORD)))
    tokens = good(log_in.sync(client=nobody, body=LogInBody(username="ADA", password=PASSWORD)))
    assert user.username == "ada"
    assert tokens.expires_in > 0
    return AuthenticatedClient(base_url=url, token=tokens.access, raise_on_unexpected_status=True)


def texts(page: PageAnswer) -> list[str]:
    return [post.text for post in page.result]


def write(ada: AuthenticatedClient, text: str) -> PostAnswer:
    post = good(create.sync(client=ada, body=CreatePostBody(text=text)))
    assert good(read.sync(post.id_post, client=ada)) == post
    assert post.created_at.tzinfo is not None
    assert post.edited_at is None
    return post


def all_pages_by_number(ada: AuthenticatedClient) -> list[str]:
    found: list[str] = []
    number, has_next = 1, True
    while has_next:
        page = good(list_.sync(client=ada, page=number, page_size=2))
        assert isinstance(page, PageAnswer)
        assert (page.page, page.count) == (number, 5)
        found += texts(page)
        number, has_next = number + 1, page.has_next
    return found


def all_pages_by_cursor(ada: AuthenticatedClient) -> list[str]:
    found: list[str] = []
    cursor: str | Unset | None = UNSET
    while cursor is not None:
        page = good(of_hashtag.sync("#WORLD", client=ada, page_size=2, cursor=cursor))
        assert page.has_next == (page.next_cursor is not None)
        found += texts(page)
        cursor = page.next_cursor
    return found


def main(url: str) -> None:
    nobody = Client(base_url=url, raise_on_unexpected_status=True)
    ada = signed_up(nobody, url)

    posts = [write(ada, f"{number} #World") for number in range(5)]
    newest_first = ["4 #World", "3 #World", "2 #World", "1 #World", "0 #World"]
    assert all_pages_by_number(ada) == newest_first
    assert all_pages_by_cursor(ada) == newest_first

    edited = good(
        edit.sync(client=ada, body=EditPostBody(id_post=posts[0].id_post, text="now #Moon"))
    )
    assert [tag.name for tag in edited.tags] == ["moon"]
    assert edited.edited_at is not None
    assert edited.edited_at > edited.created_at

    (completed,) = good(complete.sync(client=ada, prefix="＃WO", limit=3))
    assert (completed.name, completed.count) == ("world", 4)
    (found,) = good(extract.sync(client=ada, body=ExtractHashtagsBody(text="to the #Moon")))
    assert (found.name, found.display, found.start, found.end) == ("moon", "Moon", 7, 12)

    deletion = good(delete.sync(client=ada, body=DeletePostBody(id_post=edited.id_post)))
    assert deletion.purge_at > deletion.deleted_at

    gone = problem(read.sync(edited.id_post, client=ada))
    assert (gone.type_, gone.status) == ("urn:hashpost:problem:post-not-found", 404)
    refused = problem(create.sync(client=ada, body=CreatePostBody(text=" ")))
    assert refused.type_ == "urn:hashpost:problem:invalid-input"
    assert not isinstance(refused.errors, Unset)
    assert [(each.field, each.detail) for each in refused.errors] == [("text", "something visible")]


if __name__ == "__main__":
    main(sys.argv[1])
