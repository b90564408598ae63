"""The OpenAPI document against the application, by every check that schemathesis has.

A schema cannot say everything that the contract asks for, so the generator is told the rest: what
makes a cursor, a hashtag, an address, a password and a text good. Nothing is excluded, and no
failure forgiven.
"""

from collections import Counter
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import pytest

from hashpost.adapters.memory import MemoryStorage
from hashpost.adapters.system import SystemClock
from hashpost.domain.hashtag import parse
from hashpost.entrypoints.http import create_app, openapi_document
from tests.services import a_hasher, a_service

EXAMPLES = 100
DOCUMENT = "/api/schema/openapi.json"
CREDENTIALS = {"username": "ada", "password": "correct horse battery"}


@pytest.fixture(scope="module")
def app() -> Any:
    return create_app(a_service(MemoryStorage(), SystemClock(), a_hasher()))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_document_and_the_application_agree(app: Any) -> None:
    import schemathesis
    from schemathesis.engine import from_schema
    from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished
    from schemathesis.python.asgi import get_client

    with get_client(app) as client:
        access = _access(client)
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

    assert [event for event in events if isinstance(event, NonFatalError | FatalError)] == []
    scenarios = [event for event in events if isinstance(event, ScenarioFinished)]
    failures = _failures(scenarios)
    assert not failures, "\n".join(failures)
    _assert_all_was_tried(scenarios)


def _access(client: Any) -> str:
    client.post("http://testserver/api/create_user/", json=CREDENTIALS)
    tokens = client.post("http://testserver/api/token/", json=CREDENTIALS).json()
    access: str = tokens["access"]
    return access


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
        if case.query and "cursor" in case.query:
            self._mend_query(case)
        if isinstance(case.body, dict):
            _mend_body(case.operation.label, case.body)

    def _mend_query(self, case: Any) -> None:
        path = f"http://testserver{case.formatted_path}"
        page = self._client.get(path, params={"page_size": 1}, headers=self._headers).json()
        case.query.pop("page", None)
        case.query["cursor"] = page.get("next_cursor")
        if case.query["cursor"] is None:
            del case.query["cursor"]


def _mend_body(label: str, body: dict[str, Any]) -> None:
    if label == "POST /api/create_user/":
        body["password"] = f"{body['password'][:200]}{uuid4()}"
        if body.get("email") is not None:
            body["email"] = f"{uuid4()}@example.org"
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
