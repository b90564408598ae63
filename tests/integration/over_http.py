"""The service as the state machine sees it, over HTTP."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from hashpost.testing.clock import ManualClock
from hashpost.testing.model import Answer, Failure
from hashpost.testing.subjects import Paging

PROBLEM = "urn:hashpost:problem:"


class OverHttp:
    """Calls a server; what is not an answer of the contract is an error of the test."""

    def __init__(self, client: httpx.Client, clock: ManualClock) -> None:
        self.clock = clock
        self._client = client

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

    def create_post(self, access: str, text: str) -> Answer:
        """See `Subject`."""
        return _post(self._call("POST", "/api/posts/", 201, access, body={"text": text}))

    def edit_post(self, access: str, post_id: int, text: str) -> Answer:
        """See `Subject`."""
        body = {"id_post": post_id, "text": text}
        return _post(self._call("PUT", "/api/posts/", 200, access, body=body))

    def delete_post(self, access: str, post_id: int) -> Answer:
        """See `Subject`."""
        answer = self._call("DELETE", "/api/posts/", 200, access, body={"id_post": post_id})
        return _with_times(answer, "deleted_at", "purge_at")

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

    def differences(self) -> int:
        """See `Subject`; HTTP has no such call."""
        return 0

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
        self, method: str, path: str, status: int, access: str | None = None, body: Any = None
    ) -> Answer:
        headers = {"Authorization": f"Bearer {access}"} if access else {}
        response = self._client.request(method, path, headers=headers, json=body)
        assert "X-Request-ID" in response.headers
        answer = response.json()
        if response.status_code == status:
            return answer
        assert 400 <= response.status_code < 500
        assert response.headers["Content-Type"].startswith("application/problem+json")
        assert answer["status"] == response.status_code
        fields = frozenset(error["field"] for error in answer.get("errors", ()))
        return Failure(answer["type"].removeprefix(PROBLEM), fields)


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
