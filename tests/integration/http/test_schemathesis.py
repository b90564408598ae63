"""The OpenAPI document against the application, by every check that schemathesis has.

A schema cannot say everything that the contract asks for, so the generator is told the rest: what
makes a cursor, a hashtag, an address, a password, a token and a text good. What ends the tokens of
a user is tried on some that are made for it. Nothing is excluded, and no failure forgiven.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import pytest

from hashpost.adapters.memory import MemoryStorage
from hashpost.adapters.system import SystemClock
from hashpost.adapters.tokens import HmacMailTokens
from hashpost.domain.hashtag import parse, parse_prefix
from hashpost.domain.timeline import FILTER_MAX, MERGED_MAX, PAGE_SIZE
from hashpost.entrypoints.http import create_app, openapi_document
from hashpost.entrypoints.http.asgi import Application, Receive, Scope, Send
from tests.services import KEYS, a_hasher, a_service

EXAMPLES = 100
DOCUMENT = "/api/schema/openapi.json"
HOST = "http://testserver"
# No password that the document has as an example: those are sent as old ones.
CREDENTIALS = {"username": "ada", "password": "a password of nobody else"}
PASSWORD = "one password of many users"
INSTEAD = "X-Authorization-Instead"
TOKENS = HmacMailTokens(KEYS)
FILTER = ("any", "all", "none")
MENDED = [
    'method="PUT",route="/api/users/me/password",status="204"',
    'method="POST",route="/api/password_reset",status="202"',
    'method="POST",route="/api/password_reset/confirm",status="204"',
    'method="POST",route="/api/token/refresh",status="200"',
    'method="POST",route="/api/token/revoke",status="204"',
    'method="DELETE",route="/api/users/me",status="204"',
    'method="POST",route="/api/posts/{id_post:int}/restore",status="200"',
    'method="POST",route="/unsubscribe/{token:str}",status="200"',
    'method="GET",route="/unsubscribe/{token:str}",status="200"',
    'method="GET",route="/api/favorite_hashtags/posts",status="200"',
]
"""What would hardly be accepted as it was generated, as the metrics tell of it."""


@pytest.fixture(scope="module")
def app() -> Any:
    return _with_callers(create_app(a_service(MemoryStorage(), SystemClock(), a_hasher())))


def _with_callers(app: Application) -> Application:
    """The application, where a request may name a token that counts instead of the one it has.

    Schemathesis sends the token that it was given with every case, whatever the case says.
    """

    async def with_caller(scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        given, _, instead = headers.get(INSTEAD.lower().encode(), b"").partition(b", ")
        if instead and headers.get(b"authorization") == given:
            headers[b"authorization"] = instead
            scope = {**scope, "headers": list(headers.items())}
        await app(scope, receive, send)

    return with_caller


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_document_and_the_application_agree(app: Any) -> None:
    import schemathesis
    from schemathesis.engine import from_schema
    from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished
    from schemathesis.python.asgi import get_client

    with get_client(app) as client:
        access = _signed_up(client, **CREDENTIALS)["access"]
        schema = schemathesis.openapi.from_asgi(
            DOCUMENT,
            app,
            config=schemathesis.Config.from_dict(
                {
                    "headers": {"Authorization": f"Bearer {access}"},
                    "generation": {"max-examples": EXAMPLES, "mode": "all"},
                }
            ),
        )
        mend = _Mend(client, access)

        @schemathesis.hook("before_call")
        def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
            mend(case)

        try:
            events = list(from_schema(schema).execute())
        finally:
            schemathesis.hooks.unregister(before_call)
        metrics = client.get(f"{HOST}/metrics").text

    assert [event for event in events if isinstance(event, NonFatalError | FatalError)] == []
    scenarios = [event for event in events if isinstance(event, ScenarioFinished)]
    failures = _failures(scenarios)
    assert not failures, "\n".join(failures)
    _assert_all_was_tried(scenarios)
    assert [
        each for each in MENDED if f"hashpost_http_requests_total{{{each}}}" not in metrics
    ] == []


def _signed_up(client: Any, *, username: str, password: str) -> Mapping[str, Any]:
    """The id and the tokens of a new user."""
    credentials = {"username": username, "password": password}
    user = client.post(f"{HOST}/api/create_user/", json=credentials).json()
    tokens = client.post(f"{HOST}/api/token/", json=credentials).json()
    return {"id": user["id"], **tokens}


class _Mend:
    """Mends cases that the schema calls good, where it knows no better."""

    def __init__(self, client: Any, access: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {access}"}

    def __call__(self, case: Any) -> None:
        if case.meta is None or case.meta.generation.mode.value != "positive":
            return
        hashtag = case.path_parameters.get("hashtag")
        if hashtag is not None and parse(unquote(hashtag)) is None:
            case.path_parameters["hashtag"] = "world"
        is_filtered = _mend_filter(case.query or {}) if case.path == "/api/posts/" else False
        if case.query and parse_prefix(str(case.query.get("prefix", "w"))) is None:
            case.query["prefix"] = "w"
        if case.query and "cursor" in case.query:
            self._mend_query(case)
        if case.query and (is_filtered or case.path == "/api/favorite_hashtags/posts/"):
            _mend_page(case.query)
        _mend_headers(case.headers)
        self._mend_path(case)
        if isinstance(case.body, dict):
            self._mend_body(case, case.body)

    def _mend_path(self, case: Any) -> None:
        if case.operation.label == "POST /api/posts/{id_post}/restore/":
            # Never one that schemathesis has deleted, and believes to be gone for good.
            case.path_parameters["id_post"] = self._deleted_post()
        if "token" in case.path_parameters:
            case.path_parameters["token"] = TOKENS.unsubscribe(self._somebody()["id"])

    def _mend_query(self, case: Any) -> None:
        path = f"{HOST}{case.formatted_path}"
        asked = {name: value for name, value in case.query.items() if name in FILTER}
        page = self._client.get(
            path, params={**asked, "page_size": 1}, headers=self._headers
        ).json()
        case.query.pop("page", None)
        case.query["cursor"] = page.get("next_cursor")
        if case.query["cursor"] is None:
            del case.query["cursor"]

    def _deleted_post(self) -> int:
        path = f"{HOST}/api/posts/"
        post = self._client.post(path, json={"text": "Hello"}, headers=self._headers).json()
        self._client.delete(f"{path}{post['id_post']}/", headers=self._headers)
        return int(post["id_post"])

    def _somebody(self) -> Mapping[str, Any]:
        return _signed_up(self._client, username=uuid4().hex[:30], password=PASSWORD)

    def _mend_body(self, case: Any, body: dict[str, Any]) -> None:
        label = case.operation.label
        for password in ("password", "new_password"):
            if password in body and label not in ("POST /api/token/", "DELETE /api/users/me/"):
                body[password] = f"{body[password][:200]}{uuid4()}"
        if label == "POST /api/create_user/" and body.get("email") is not None:
            body["email"] = f"{uuid4()}@example.org"
        if label in ("PUT /api/users/me/password/", "DELETE /api/users/me/"):
            body["old_password" if "new_password" in body else "password"] = PASSWORD
            theirs = f"Bearer {self._somebody()['access']}"
            case.headers[INSTEAD] = f"{self._headers['Authorization']}, {theirs}"
        if label in ("POST /api/token/refresh/", "POST /api/token/revoke/"):
            body["refresh"] = self._somebody()["refresh"]
        if label == "POST /api/password_reset/confirm/":
            expires_at = SystemClock()() + timedelta(minutes=1)
            body["token"] = TOKENS.reset(self._somebody()["id"], 0, expires_at=expires_at)
        _mend_members(body)


def _mend_filter(query: dict[str, Any]) -> bool:
    """Whether there is one; its hashtags are some from here on."""
    asked = [name for name in FILTER if name in query]
    for name in asked:
        spellings = str(query[name]).split(",")
        if None in map(parse, spellings) or len(spellings) > FILTER_MAX // len(FILTER):
            query[name] = "world"
    return bool(asked)


def _mend_headers(headers: Any) -> None:
    if "Idempotency-Key" in headers:
        headers["Idempotency-Key"] = str(uuid4())
    if "If-Match" in headers:
        headers["If-Match"] = "*"


def _mend_page(query: dict[str, Any]) -> None:
    page, page_size = int(query.get("page", 1)), int(query.get("page_size", PAGE_SIZE))
    if (page - 1) * page_size >= MERGED_MAX:
        query["page"] = 1


def _mend_members(body: dict[str, Any]) -> None:
    if isinstance(body.get("id_post"), float):
        body["id_post"] = int(body["id_post"])  # 1.0 is an integer to JSON Schema
    if isinstance(body.get("text"), str):
        body["text"] = f"{body['text'][:-1]}x"


def _failures(scenarios: list[Any]) -> list[str]:
    return [
        f"{scenario.phase.value} {scenario.recorder.label} {check.name}: "
        f"{check.failure_info.failure.message}\n{check.failure_info.code_sample}"
        for scenario in scenarios
        for checks in scenario.recorder.checks.values()
        for check in checks
        if check.status.value != "success"
    ]


def _assert_all_was_tried(scenarios: list[Any]) -> None:
    tried = {
        (scenario.phase.value, scenario.recorder.label)
        for scenario in scenarios
        if scenario.status.value == "success"
    }
    operations = {
        f"{method.upper()} {path}"
        for path, item in openapi_document()["paths"].items()
        for method in item
        if path != DOCUMENT  # which schemathesis leaves out by itself
    }
    assert {label for phase, label in tried if phase == "fuzzing"} == operations
    assert {label for phase, label in tried if phase == "coverage"} == operations
    assert Counter(phase for phase, _ in tried).keys() >= {"examples", "stateful"}
