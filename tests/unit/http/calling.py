"""Calling the application in this process, as a program over the network would."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import httpx
from httpx._transports.asgi import _ASGIApp

from hashpost.entrypoints.http.asgi import Application

RAW_TARGET = "x-raw-target"
PASSWORD = "correct horse battery"

Json = Any


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with an access token, or without."""

    client: httpx.AsyncClient
    id: int = 0
    access: str = ""
    refresh: str = ""

    @classmethod
    async def signed_up(
        cls, client: httpx.AsyncClient, username: str, *, email: str | None = None
    ) -> Self:
        credentials = {"username": username, "password": PASSWORD}
        user = await client.post("/api/create_user/", json={**credentials, "email": email})
        tokens = (await client.post("/api/token/", json=credentials)).json()
        return cls(client, user.json()["id"], tokens["access"], tokens["refresh"])

    async def call(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        own = {"Authorization": f"Bearer {self.access}"} if self.access else {}
        if content is not None:
            own["Content-Type"] = "application/json"
        return await self.client.request(
            method, path, json=body, content=content, headers={**own, **(headers or {})}
        )

    async def get(self, path: str) -> httpx.Response:
        return await self.call("GET", path)

    async def get_raw(self, target: str) -> httpx.Response:
        """Get exactly this target, which the client would mend otherwise."""
        return await self.call_raw("GET", target)

    async def call_raw(self, method: str, target: str) -> httpx.Response:
        """Call exactly this target."""
        return await self.call(method, "/", headers={RAW_TARGET: target})

    async def write(self, text: str) -> Json:
        answer = await self.call("POST", "/api/posts/", {"text": text})
        assert answer.status_code == 201, answer.text
        return answer.json()


def client_of(app: Application) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(_with_raw_targets(app))
    return httpx.AsyncClient(transport=transport, base_url="http://hashpost.test")


def _with_raw_targets(app: Application) -> _ASGIApp:
    async def with_raw_target(scope: Any, receive: Any, send: Any) -> None:
        raw = [value for name, value in scope["headers"] if name == RAW_TARGET.encode()]
        await app(scope | {"raw_path": raw[0]} if raw else scope, receive, send)

    return with_raw_target


def problem_of(response: httpx.Response) -> tuple[int, str, list[str]]:
    """The status, the code, and the names of the wrong fields, of a sound problem document."""
    assert response.headers["Content-Type"] == "application/problem+json"
    document = response.json()
    assert document.keys() - {"errors"} == {"type", "title", "status", "detail"}
    assert document["status"] == response.status_code
    assert document["title"]
    assert document["detail"]
    errors = document.get("errors", [])
    assert all(error.keys() == {"field", "detail"} and error["detail"] for error in errors)
    kind, _, code = document["type"].rpartition(":")
    assert kind == "urn:hashpost:problem"
    return document["status"], code, [error["field"] for error in errors]
