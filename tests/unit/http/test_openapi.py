"""The OpenAPI document, and the page that shows it."""

import re
from typing import Any

import msgspec
import pytest

from hashpost.entrypoints.http import openapi_document
from hashpost.entrypoints.http.app import routes
from tests.unit.http.calling import Caller

DOCUMENT = openapi_document()
OPERATIONS = [
    (f"{method.upper()} {path}", operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
]
STATUSES = {
    "POST /api/create_user/": "201 400 408 409 413 415 429 431 500 503",
    "POST /api/token/": "200 400 401 408 413 415 429 431 500 503",
    "POST /api/token/refresh/": "200 400 401 408 413 415 431 500 503",
    "POST /api/token/revoke/": "204 400 408 413 415 431 500 503",
    "POST /api/password_reset/": "202 400 408 413 415 429 431 500 503",
    "POST /api/password_reset/confirm/": "204 400 408 413 415 431 500 503",
    "GET /api/users/me/": "200 400 401 431 500 503",
    "DELETE /api/users/me/": "204 400 401 403 408 413 415 429 431 500 503",
    "GET /api/users/me/deleted_posts/": "200 400 401 404 431 500 503",
    "GET /api/users/{user_id}/": "200 400 401 404 431 500 503",
    "PUT /api/users/me/password/": "204 400 401 403 408 413 415 429 431 500 503",
    "PUT /api/users/me/digest/": "204 400 401 408 413 415 429 431 500 503",
    "GET /unsubscribe/{token}/": "200 400 404 431 500 503",
    "POST /unsubscribe/{token}/": "200 400 404 408 413 431 500 503",
    "GET /api/favorite_hashtags/": "200 400 401 431 500 503",
    "PUT /api/favorite_hashtags/{hashtag}/": "204 400 401 409 429 431 500 503",
    "DELETE /api/favorite_hashtags/{hashtag}/": "204 400 401 429 431 500 503",
    "GET /api/favorite_hashtags/posts/": "200 304 400 401 404 431 500 503",
    "PUT /api/favorite_hashtags/posts/": "204 400 401 409 429 431 500 503",
    "DELETE /api/favorite_hashtags/posts/": "204 400 401 429 431 500 503",
    "GET /api/trending_hashtags/": "200 304 400 401 431 500 503",
    "POST /api/posts/": "201 400 401 408 413 415 422 429 431 500 503",
    "GET /api/posts/": "200 304 400 401 404 431 500 503",
    "PUT /api/posts/": "200 400 401 403 404 408 412 413 415 429 431 500 503",
    "DELETE /api/posts/": "200 400 401 403 404 408 412 413 415 429 431 500 503",
    "GET /api/posts/{id_post}/": "200 304 400 401 404 431 500 503",
    "PUT /api/posts/{id_post}/": "200 400 401 403 404 408 412 413 415 429 431 500 503",
    "DELETE /api/posts/{id_post}/": "200 400 401 403 404 412 429 431 500 503",
    "POST /api/posts/{id_post}/restore/": "200 400 401 404 422 429 431 500 503",
    "GET /api/users/{user_id}/posts/": "200 304 400 401 404 431 500 503",
    "GET /api/hashtags/{hashtag}/posts/": "200 304 400 401 404 431 500 503",
    "GET /api/hashtags/": "200 304 400 401 431 500 503",
    "POST /api/hashtags/extract/": "200 400 401 408 413 415 422 429 431 500 503",
    "GET /api/popular_hashtags/": "200 304 400 401 431 500 503",
    "GET /health/live": "200 400 431 500 503",
    "GET /health/ready": "200 400 431 500 503",
    "GET /metrics": "200 400 431 500 503",
    "GET /api/schema/openapi.json": "200 400 431 500 503",
    "GET /api/docs/": "200 400 431 500 503",
}

every_operation = pytest.mark.parametrize(
    "operation", [operation for _, operation in OPERATIONS], ids=[name for name, _ in OPERATIONS]
)


def test_every_route_and_every_answer_is_in_the_document() -> None:
    assert {name: " ".join(each["responses"]) for name, each in OPERATIONS} == STATUSES


def test_no_route_is_missing_but_the_files_of_the_page() -> None:
    documented = {re.sub(r"/$", "", path) for path in DOCUMENT["paths"]}

    served = {re.sub(r":\w+}", "}", route.template) for route in routes()}

    assert {path for path in served - documented if "/docs/assets/" not in path} == set()
    assert documented <= served


async def test_it_is_served_as_it_is_printed(nobody: Caller) -> None:
    answer = await nobody.get("/api/schema/openapi.json")

    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == DOCUMENT
    assert answer.json()["openapi"].startswith("3.1.")


def test_it_is_the_same_every_time() -> None:
    assert msgspec.json.encode(openapi_document()) == msgspec.json.encode(openapi_document())


def test_it_keeps_to_openapi_3_1() -> None:
    import jsonschema_rs
    from schemathesis.specs.openapi.definitions import OPENAPI_31

    assert list(jsonschema_rs.validator_for(OPENAPI_31).iter_errors(DOCUMENT)) == []


@every_operation
def test_every_operation_is_described(operation: dict[str, Any]) -> None:
    assert operation["operationId"].isidentifier()
    assert operation["summary"]
    assert operation["description"].endswith(".")
    assert operation["tags"]
    assert operation["security"] in ([], [{"bearer": []}])


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, operation in OPERATIONS]

    assert len(set(names)) == len(names)


@every_operation
def test_every_error_is_a_problem_with_examples(operation: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        problem = response.get("content", {}).get("application/problem+json")
        assert (problem is not None) == (status >= "400")
        if problem:
            assert problem["schema"] == {"$ref": "#/components/schemas/Problem"}
            for code, example in problem["examples"].items():
                assert example["value"]["type"] == f"urn:hashpost:problem:{code}"
                assert example["value"]["status"] == int(status)


@every_operation
def test_where_a_limit_applies_answers_tell_of_it(operation: dict[str, Any]) -> None:
    has_limit = "429" in operation["responses"]
    with_limit = {
        status: {name for name in each["headers"] if name.startswith(("RateLimit", "Retry"))}
        for status, each in operation["responses"].items()
        if status < "300" or status == "429"
    }

    told = {"RateLimit", "RateLimit-Policy"}
    good = min(with_limit)
    assert with_limit == (
        {good: told, "429": told | {"Retry-After"}} if has_limit else {good: set()}
    )


@every_operation
def test_every_body_and_answer_with_content_has_an_example_that_fits(
    operation: dict[str, Any],
) -> None:
    contents = [response.get("content", {}) for response in operation["responses"].values()]
    contents += [operation["requestBody"]["content"]] if "requestBody" in operation else []
    for content in contents:
        for media_type in content.values():
            assert _examples(media_type)
            for example in _examples(media_type):
                _validate(example, media_type["schema"])


@pytest.mark.parametrize(
    "parameter",
    DOCUMENT["components"]["parameters"].values(),
    ids=DOCUMENT["components"]["parameters"],
)
def test_every_parameter_is_described_and_has_an_example_that_fits(
    parameter: dict[str, Any],
) -> None:
    assert parameter["description"].endswith(".")
    _validate(parameter["example"], parameter["schema"])


@every_operation
def test_parameters_are_components_and_all_in_the_path_are_there(operation: dict[str, Any]) -> None:
    parameters = operation.get("parameters", [])
    path = next(path for path, item in DOCUMENT["paths"].items() if operation in item.values())

    assert all(each.keys() == {"$ref"} for each in parameters)
    names = {each["$ref"].rpartition("/")[2] for each in parameters}
    needed = {name for name in names if DOCUMENT["components"]["parameters"][name]["in"] == "path"}
    assert needed == set(re.findall(r"{(\w+)}", path))


def test_bodies_take_no_unknown_members_and_have_limits() -> None:
    schemas = DOCUMENT["components"]["schemas"]

    bodies = {name: schema for name, schema in schemas.items() if name.endswith("Body")}

    assert len(bodies) == 13
    assert all(schema["additionalProperties"] is False for schema in bodies.values())
    id_post = bodies["EditPostBody"]["properties"]["id_post"]
    assert (id_post["minimum"], id_post["maximum"]) == (1, 2**53 - 1)
    text = bodies["EditPostBody"]["properties"]["text"]
    assert (text["minLength"], text["maxLength"]) == (1, 5000)


@pytest.mark.parametrize(
    "body",
    [
        {"username": "ada"},
        {"email": "ada@example.org"},
        {"username": "ada", "email": None},
        {"username": None, "email": "ada@example.org"},
    ],
)
async def test_a_reset_is_documented_and_asked_by_name_or_by_address(
    nobody: Caller, body: dict[str, Any]
) -> None:
    assert _fits(body, "RequestPasswordResetBody")
    assert (await nobody.call("POST", "/api/password_reset/", body)).status_code == 202


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": None, "email": None},
        {"username": "ada", "email": "ada@example.org"},
        {"username": 1},
        {"username": "x" * 1001},
        {"email": "x" * 255},
    ],
)
async def test_a_reset_is_neither_documented_nor_asked_by_both_or_neither(
    nobody: Caller, body: dict[str, Any]
) -> None:
    assert not _fits(body, "RequestPasswordResetBody")
    assert (await nobody.call("POST", "/api/password_reset/", body)).status_code == 400


@pytest.mark.parametrize("status", ["202", "204"])
def test_answers_without_content_are_documented_without(status: str) -> None:
    answers = [each["responses"][status] for _, each in OPERATIONS if status in each["responses"]]

    assert answers
    assert all("content" not in answer for answer in answers)


def test_parameters_have_their_ranges() -> None:
    parameters = DOCUMENT["components"]["parameters"]

    ranges = {
        name: (parameter["schema"].get("minimum"), parameter["schema"].get("maximum"))
        for name, parameter in parameters.items()
        if parameter["schema"]["type"] == "integer"
    }

    largest = 2**53 - 1
    assert ranges == {
        "id_post": (1, largest),
        "user_id": (1, largest),
        "page": (1, largest),
        "merged_page": (1, 10_000),
        "page_size": (1, 100),
        "popular_limit": (1, 50),
        "trending_limit": (1, 50),
        "completion_limit": (1, 50),
    }


def test_every_reference_leads_somewhere_and_every_component_is_used() -> None:
    text = msgspec.json.encode(DOCUMENT).decode()

    used = set(re.findall(r'"\$ref":"#/components/(\w+)/([\w-]+)"', text))

    kinds = ("schemas", "parameters", "headers")
    there = {(kind, name) for kind in kinds for name in DOCUMENT["components"][kind]}
    assert used == there


async def test_the_page_and_its_files_ask_no_other_host_for_anything(nobody: Caller) -> None:
    page = await nobody.get("/api/docs/")
    paths = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert len(paths) == 4
    for path in paths:
        assert path == "data:," or (await nobody.get(path)).status_code == 200
    assert "//" not in page.text.replace("</", "")
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self';")
    assert "http" not in policy


async def test_the_page_shows_no_badge_of_another_host(nobody: Caller) -> None:
    assert "validatorUrl: null" in (await nobody.get("/api/docs/assets/start.js")).text


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("swagger-ui.css", "text/css"),
        ("swagger-ui-bundle.js", "text/javascript"),
        ("start.js", "text/javascript"),
    ],
)
async def test_the_files_of_the_page_say_what_they_are(
    nobody: Caller, name: str, kind: str
) -> None:
    answer = await nobody.get(f"/api/docs/assets/{name}")

    assert answer.headers["Content-Type"] == f"{kind}; charset=utf-8"
    assert answer.content


def _examples(media_type: dict[str, Any]) -> list[Any]:
    if "examples" in media_type:
        return [example["value"] for example in media_type["examples"].values()]
    return [media_type["example"]] if "example" in media_type else []


def _validate(example: Any, schema: dict[str, Any]) -> None:
    _validator(schema).validate(example)


def _fits(value: Any, name: str) -> bool:
    return bool(_validator({"$ref": f"#/components/schemas/{name}"}).is_valid(value))


def _validator(schema: dict[str, Any]) -> Any:
    import jsonschema_rs

    return jsonschema_rs.validator_for({**schema, "components": DOCUMENT["components"]})
