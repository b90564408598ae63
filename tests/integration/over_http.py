"""The service as the state machine sees it, over HTTP."""

import asyncio
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import httpx

from hashpost.testing.clock import ManualClock
from hashpost.testing.model import Answer, Failure
from hashpost.testing.subjects import Backstage, Paging

T = TypeVar("T")
PROBLEM = "urn:hashpost:problem:"


class OverHttp:
    """Calls a server; what is not an answer of the contract is an error of the test.

    `loop` is that of the server, where what goes on backstage has to happen.
    """

    def __init__(
        self,
        client: httpx.Client,
        clock: ManualClock,
        backstage: Backstage,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.clock = clock
        self._client = client
        self._backstage = backstage
        self._loop = loop
        self._run(backstage.prepare())

    def sign_up(self, username: str, password: str, email: str | None) -> Answer:
        """See `Subject`."""
        body = {"username": username, "password": password, "email": email}
        answer = self._call("POST", "/api/create_user/", 201, body=body)
        return _with_times(answer, "created_at")

    def log_in(self, username: str, password: str) -> Answer:
        """See `Subject`."""
        body = {"username": username, "password": password}
        return _tokens(self._call("POST", "/api/token/", 200, body=body))

    def refresh(self, refresh: str) -> Answer:
        """See `Subject`."""
        return _tokens(self._call("POST", "/api/token/refresh/", 200, body={"refresh": refresh}))

    def revoke(self, refresh: str) -> Answer:
        """See `Subject`."""
        return self._call("POST", "/api/token/revoke/", 204, body={"refresh": refresh})

    def create_post(self, access: str, text: str, *, key: str | None = None) -> Answer:
        """See `Subject`."""
        body, headers = {"text": text}, _named("Idempotency-Key", key)
        return _post(self._call("POST", "/api/posts/", 201, access, body=body, headers=headers))

    def edit_post(
        self, access: str, post_id: int, text: str, *, version: str | None = None
    ) -> Answer:
        """See `Subject`; with a version by path."""
        if version is None:
            body = {"id_post": post_id, "text": text}
            return _post(self._call("PUT", "/api/posts/", 200, access, body=body))
        path, headers = f"/api/posts/{post_id}/", {"If-Match": f'"{version}"'}
        return _post(self._call("PUT", path, 200, access, body={"text": text}, headers=headers))

    def delete_post(self, access: str, post_id: int, *, version: str | None = None) -> Answer:
        """See `Subject`; with a version by path."""
        if version is None:
            answer = self._call("DELETE", "/api/posts/", 200, access, body={"id_post": post_id})
        else:
            path, headers = f"/api/posts/{post_id}/", {"If-Match": f'"{version}"'}
            answer = self._call("DELETE", path, 200, access, headers=headers)
        return _with_times(answer, "deleted_at", "purge_at")

    def restore_post(self, access: str, post_id: int, *, key: str | None = None) -> Answer:
        """See `Subject`."""
        path, headers = f"/api/posts/{post_id}/restore/", _named("Idempotency-Key", key)
        return _post(self._call("POST", path, 200, access, headers=headers))

    def list_deleted_posts(self, access: str, paging: Paging) -> Answer:
        """See `Subject`."""
        page = self._page("/api/users/me/deleted_posts/", access, paging)
        if isinstance(page, Failure):
            return page
        posts = [_with_times(post, "deleted_at", "purge_at") for post in page["result"]]
        return page | {"result": posts}

    def read_post(self, access: str, post_id: int) -> Answer:
        """See `Subject`."""
        return _post(self._call("GET", f"/api/posts/{post_id}/", 200, access))

    def list_posts(self, access: str, paging: Paging) -> Answer:
        """See `Subject`."""
        return self._page("/api/posts/", access, paging)

    def list_user_posts(self, access: str, user_id: int, paging: Paging) -> Answer:
        """See `Subject`."""
        return self._page(f"/api/users/{user_id}/posts/", access, paging)

    def list_hashtag_posts(self, access: str, hashtag: str, paging: Paging) -> Answer:
        """See `Subject`."""
        return self._page(f"/api/hashtags/{quote(hashtag, safe='')}/posts/", access, paging)

    def popular_hashtags(self, access: str, limit: int) -> Answer:
        """See `Subject`."""
        answer = self._call("GET", f"/api/popular_hashtags/?limit={limit}", 200, access)
        if isinstance(answer, Failure):
            return answer
        assert all(tag.keys() == {"name", "count"} for tag in answer)
        return [(tag["name"], tag["count"]) for tag in answer]

    def trending_hashtags(self, access: str, limit: int) -> Answer:
        """See `Subject`."""
        return self._call("GET", f"/api/trending_hashtags/?limit={limit}", 200, access)

    def read_me(self, access: str) -> Answer:
        """See `Subject`."""
        return _with_times(self._call("GET", "/api/users/me/", 200, access), "created_at")

    def read_user(self, access: str, user_id: int) -> Answer:
        """See `Subject`."""
        return _with_times(self._call("GET", f"/api/users/{user_id}/", 200, access), "created_at")

    def delete_user(self, access: str, password: str) -> Answer:
        """See `Subject`."""
        body = {"password": password}
        return self._call("DELETE", "/api/users/me/", 204, access, body=body)

    def change_password(self, access: str, old: str, new: str) -> Answer:
        """See `Subject`."""
        body = {"old_password": old, "new_password": new}
        return self._call("PUT", "/api/users/me/password/", 204, access, body=body)

    def request_password_reset(self, asked: dict[str, str]) -> Answer:
        """See `Subject`."""
        return self._call("POST", "/api/password_reset/", 202, body=asked)

    def confirm_password_reset(self, token: str, new: str) -> Answer:
        """See `Subject`."""
        body = {"token": token, "new_password": new}
        return self._call("POST", "/api/password_reset/confirm/", 204, body=body)

    def set_digest(self, access: str, *, weekly: bool) -> Answer:
        """See `Subject`."""
        return self._call("PUT", "/api/users/me/digest/", 204, access, body={"weekly": weekly})

    def add_favorite(self, access: str, hashtag: str) -> Answer:
        """See `Subject`."""
        return self._call("PUT", _favorite(hashtag), 204, access)

    def remove_favorite(self, access: str, hashtag: str) -> Answer:
        """See `Subject`."""
        return self._call("DELETE", _favorite(hashtag), 204, access)

    def list_favorites(self, access: str) -> Answer:
        """See `Subject`."""
        answer = self._call("GET", "/api/favorite_hashtags/", 200, access)
        if isinstance(answer, Failure):
            return answer
        return [(favorite["name"], _time(favorite["since"])) for favorite in answer]

    def list_favorite_posts(self, access: str, paging: Paging) -> Answer:
        """See `Subject`."""
        page = self._page("/api/favorite_hashtags/posts/", access, paging)
        if isinstance(page, Failure):
            return page
        matched = [[tag["name"] for tag in post["matched_tags"]] for post in page["result"]]
        posts = zip(page["result"], matched, strict=True)
        return page | {"result": [post | {"matched_tags": tags} for post, tags in posts]}

    def run_job(self, job: str) -> None:
        """See `Subject`; HTTP has no such call."""
        self._run(self._backstage.run_job(job))

    def deliver(self) -> list[tuple[str, str, str | None]]:
        """See `Subject`; HTTP has no such call."""
        return self._run(self._backstage.deliver())

    def differences(self) -> int:
        """See `Subject`; HTTP has no such call."""
        return self._run(self._backstage.differences())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def _page(self, path: str, access: str, paging: Paging) -> Answer:
        query = urlencode(paging)
        answer = self._call("GET", path + (f"?{query}" if query else ""), 200, access)
        if isinstance(answer, Failure):
            return answer
        links = {"next": answer.pop("next"), "previous": answer.pop("previous")}
        assert (links["next"] is not None) == answer["has_next"]
        assert (links["previous"] is not None) == bool(answer["has_previous"])
        return answer | {"result": [_post(post) for post in answer["result"]]}

    def _call(
        self,
        method: str,
        path: str,
        status: int,
        access: str | None = None,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        own = {"Authorization": f"Bearer {access}"} if access else {}
        response = self._client.request(method, path, headers={**own, **(headers or {})}, json=body)
        assert "X-Request-ID" in response.headers
        if response.status_code == status:
            return response.json() if response.content else None
        answer = response.json()
        assert 400 <= response.status_code < 500
        assert response.headers["Content-Type"].startswith("application/problem+json")
        assert answer["status"] == response.status_code
        fields = frozenset(error["field"] for error in answer.get("errors", ()))
        return Failure(answer["type"].removeprefix(PROBLEM), fields)


def _named(header: str, value: str | None) -> dict[str, str]:
    return {} if value is None else {header: value}


def _favorite(hashtag: str) -> str:
    return f"/api/favorite_hashtags/{quote(hashtag, safe='')}/"


def _with_times(answer: Answer, *names: str) -> Answer:
    if isinstance(answer, Failure):
        return answer
    return answer | {name: _time(answer[name]) for name in names}


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    assert text.endswith("Z")
    assert len(text) == len("2026-11-22T06:21:00.123Z")
    return datetime.fromisoformat(text).astimezone(UTC)


def _tokens(answer: Answer) -> Answer:
    if not isinstance(answer, Failure):
        assert answer.pop("token_type") == "Bearer"
    return answer


def _post(answer: Answer) -> Answer:
    if isinstance(answer, Failure):
        return answer
    answer = _with_times(answer, "created_at", "edited_at")
    assert all(tag.keys() == {"name"} for tag in answer["tags"])
    return answer | {"tags": [tag["name"] for tag in answer["tags"]]}
