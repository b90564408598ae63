"""The OpenAPI 3.1 document, route for route.

Bodies are read by ourselves and errors are answered outside the framework, so its own generator
knows neither. Each handler says what is particular to it (`documented`); what holds for all routes
is added here. Schemas come from the structs, words from the use cases.
"""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import msgspec

from hashpost.domain.errors import (
    HashpostError,
    IdempotencyKeyReused,
    InvalidInput,
    InvalidResetToken,
    NotFound,
    PreconditionFailed,
    Unauthenticated,
    Unavailable,
)
from hashpost.domain.idempotency import KEY_MAX_LENGTH
from hashpost.domain.ids import MAX_ID
from hashpost.domain.popularity import COMPLETION_LIMIT as COMPLETION_LIMIT_DEFAULT
from hashpost.domain.popularity import LIMIT_MAX
from hashpost.domain.popularity import POPULAR_LIMIT as POPULAR_LIMIT_DEFAULT
from hashpost.domain.timeline import FILTER_MAX, MERGED_MAX, PAGE_SIZE_MAX
from hashpost.domain.timeline import PAGE_SIZE as PAGE_SIZE_DEFAULT
from hashpost.domain.trend import TRENDING_LIMIT as TRENDING_LIMIT_DEFAULT
from hashpost.entrypoints.http import problems
from hashpost.entrypoints.http.problems import (
    HeadersTooLarge,
    MalformedRequest,
    RequestTimeout,
    TooLarge,
    TooManyRequests,
    UnsupportedMediaType,
)
from hashpost.entrypoints.http.routing import READS
from hashpost.entrypoints.http.schemas import EXAMPLE_ID, Problem

Json = dict[str, Any]
Errors = Sequence[type[HashpostError]]

_REF: Final = "#/components/schemas/{name}"
_PARAMETER: Final = re.compile(r"\{(\w+):(?:int|str)\}")
_WITH_SLASH: Final = ("/api/", "/unsubscribe/")


@dataclass(frozen=True, slots=True)
class Documented:
    """What a route answers when all goes well.

    `content` is a struct, a list of one, one of several structs, a media type, or None if there is
    none.
    """

    status: int
    content: Any
    description: str
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """What is particular to a method of a path."""

    summary: str
    answer: Documented
    use_case: type | None
    body: type[msgspec.Struct] | None
    query: Sequence[str]
    errors: Errors


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An operation, and where it stands."""

    template: str
    method: str
    name: str
    handler_doc: str
    tags: Sequence[str]
    is_open: bool
    operation: Operation

    @property
    def path(self) -> str:
        """The path as the contract writes it."""
        path = _PARAMETER.sub(r"{\1}", self.template)
        has_slash = path.startswith(_WITH_SLASH) and "." not in path
        return path + "/" if has_slash else path

    @property
    def parameters(self) -> list[str]:
        """The names of the parameters in the path."""
        return _PARAMETER.findall(self.template)

    @property
    def takes_idempotency_key(self) -> bool:
        """Whether a caller may give the request a key, to repeat it."""
        return self.method == "POST" and not self.is_open

    @property
    def is_conditional(self) -> bool:
        """Whether a caller who has the answer already may be told just so."""
        return self.method == "GET" and ETAG in self.operation.answer.headers

    @property
    def headers(self) -> Iterator[str]:
        """The names of the parameters in headers."""
        if self.takes_idempotency_key:
            yield IDEMPOTENCY_KEY
        if self.is_conditional:
            yield IF_NONE_MATCH
        if PreconditionFailed in self.operation.errors:
            yield IF_MATCH

    @property
    def errors(self) -> list[type[HashpostError]]:
        """Every error that this route may answer with."""
        found: list[type[HashpostError]] = [MalformedRequest]
        if self.operation.body or self.operation.query or "hashtag" in self.parameters:
            found.append(InvalidInput)
        if not self.is_open:
            found.append(Unauthenticated)
            if self.method not in READS:
                found.append(TooManyRequests)
        if {"id_post", "user_id", "token"} & set(self.parameters):
            found.append(NotFound)
        found += self.operation.errors
        if self.operation.body:
            found += [RequestTimeout, TooLarge, UnsupportedMediaType]
        if self.takes_idempotency_key:
            found += [InvalidInput, IdempotencyKeyReused]
        return [*found, HeadersTooLarge, HashpostError, Unavailable]


def documented(
    summary: str,
    answer: Documented,
    *,
    use_case: type | None = None,
    body: type[msgspec.Struct] | None = None,
    query: Sequence[str] = (),
    errors: Errors = (),
) -> dict[str, Any]:
    """The options of a handler that tell this module of it.

    `query` and the headers of `answer` name components; `errors` are those that other routes do
    not have.
    """
    return {"operation": Operation(summary, answer, use_case, body, query, errors)}


ANY: Final = "any"
ALL: Final = "all"
NONE: Final = "none"
PAGE: Final = "page"
MERGED_PAGE: Final = "merged_page"
PAGE_SIZE: Final = "page_size"
CURSOR: Final = "cursor"
POPULAR_LIMIT: Final = "popular_limit"
TRENDING_LIMIT: Final = "trending_limit"
PREFIX: Final = "prefix"
COMPLETION_LIMIT: Final = "completion_limit"

IDEMPOTENCY_KEY: Final = "Idempotency-Key"
IF_MATCH: Final = "If-Match"
IF_NONE_MATCH: Final = "If-None-Match"

ETAG: Final = "ETag"
LINK: Final = "Link"
LOCATION: Final = "Location"

_ID_SCHEMA: Final[Json] = {"type": "integer", "minimum": 1, "maximum": MAX_ID}


def _limit(*, default: int) -> Json:
    return {
        "name": "limit",
        "in": "query",
        "description": "How many hashtags at most.",
        "schema": {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": default},
        "example": default,
    }


def _hashtags(name: str, description: str) -> Json:
    return {
        "name": name,
        "in": "query",
        "description": f"{description} Hashtags in any spelling, with commas between; at most "
        f"{FILTER_MAX} different ones in `any`, `all` and `none` together.",
        "schema": {"type": "string", "minLength": 1},
        "example": "world,#news",
    }


_PARAMETERS: Final[dict[str, Json]] = {
    ANY: _hashtags(ANY, "Only posts that carry at least one of these."),
    ALL: _hashtags(ALL, "Only posts that carry each of these."),
    NONE: _hashtags(NONE, "Only posts that carry none of these."),
    "id_post": {
        "name": "id_post",
        "in": "path",
        "required": True,
        "description": "The id of a post.",
        "schema": _ID_SCHEMA,
        "example": EXAMPLE_ID,
    },
    "user_id": {
        "name": "user_id",
        "in": "path",
        "required": True,
        "description": "The id of a user.",
        "schema": _ID_SCHEMA,
        "example": EXAMPLE_ID,
    },
    "hashtag": {
        "name": "hashtag",
        "in": "path",
        "required": True,
        "description": "One whole hashtag in any spelling that has the same key, with or without "
        "a sign (`%23`, `＃`, `﹟`), percent-encoded.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 401},
        "example": "world",
    },
    "token": {
        "name": "token",
        "in": "path",
        "required": True,
        "description": "The token of the link in a mail.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
        "example": "AA0RAPVTUA1Xk2bY7yqV0n3cJm5tRz8w",
    },
    # No default for a page: clients would send it along with a cursor, which is refused.
    PAGE: {
        "name": "page",
        "in": "query",
        "description": "The number of the page, from 1; without it and `cursor`, the first.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MAX_ID},
        "example": 1,
    },
    MERGED_PAGE: {
        "name": "page",
        "in": "query",
        "description": "The number of the page, from 1, up to the "
        f"{MERGED_MAX:,}th post; without it and `cursor`, the first.",
        "schema": {"type": "integer", "minimum": 1, "maximum": MERGED_MAX},
        "example": 1,
    },
    PAGE_SIZE: {
        "name": "page_size",
        "in": "query",
        "description": "How many posts a page has.",
        "schema": {
            "type": "integer",
            "minimum": 1,
            "maximum": PAGE_SIZE_MAX,
            "default": PAGE_SIZE_DEFAULT,
        },
        "example": PAGE_SIZE_DEFAULT,
    },
    CURSOR: {
        "name": "cursor",
        "in": "query",
        "description": "The `next_cursor` of an answer of this very timeline, instead of `page`: "
        "goes on from where that answer ended, without gaps or repeats.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{32}$"},
        "example": "AA0RAPVTUA1Xk2bY7yqV0n3cJm5tRz8w",
    },
    IDEMPOTENCY_KEY: {
        "name": IDEMPOTENCY_KEY,
        "in": "header",
        "description": "A name of the caller's for this request. Sent again with the same body "
        "within 24 hours, it does nothing twice and gets the first answer.",
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": KEY_MAX_LENGTH,
            "pattern": "^[!-~]+$",
        },
        "example": "0b9f5c1e-7d5e-4a52-9d0f-2f4d2f1f6d3a",
    },
    IF_MATCH: {
        "name": IF_MATCH,
        "in": "header",
        "description": "The `ETag` of the version that is meant; `412` if it is not that any more.",
        "schema": {"type": "string"},
        "example": '"3676832686332001.0"',
    },
    IF_NONE_MATCH: {
        "name": IF_NONE_MATCH,
        "in": "header",
        "description": "The `ETag` of the answer that the caller has; `304` if it still holds.",
        "schema": {"type": "string"},
        "example": '"3676832686332001.0"',
    },
    POPULAR_LIMIT: _limit(default=POPULAR_LIMIT_DEFAULT),
    TRENDING_LIMIT: _limit(default=TRENDING_LIMIT_DEFAULT),
    PREFIX: {
        "name": "prefix",
        "in": "query",
        "required": True,
        "description": "The beginning of a hashtag, in any spelling, with or without a sign.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 401},
        "example": "wor",
    },
    COMPLETION_LIMIT: _limit(default=COMPLETION_LIMIT_DEFAULT),
}

_STRING: Final[Json] = {"type": "string"}
_HEADERS: Final[dict[str, Json]] = {
    "X-Request-ID": {
        "description": "The caller's, if it sent a good one; it stands in every log line.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
    },
    "Cache-Control": {
        "description": "Who may keep the answer.",
        "required": True,
        "schema": _STRING,
    },
    ETAG: {
        "description": "The version of the post (strong), or of the list (weak).",
        "required": True,
        "schema": {"type": "string", "pattern": '^(W/)?"[!#-~]+"$'},
    },
    LOCATION: {
        "description": "The path of the new post.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
    },
    LINK: {
        "description": "The next and the previous page, if there are any (RFC 8288).",
        "schema": _STRING,
    },
    "WWW-Authenticate": {
        "description": "How to say who calls.",
        "required": True,
        "schema": {"type": "string", "const": "Bearer"},
    },
    "RateLimit-Policy": {
        "description": "Each limit that applies: its name, how much (`q`) in how many seconds "
        "(`w`). Not there if limits are off.",
        "schema": _STRING,
        "example": '"writes";q=300;w=60',
    },
    "RateLimit": {
        "description": "For each of these limits how much is left (`r`), and in how many seconds "
        "there will be more (`t`). Not there if limits are off.",
        "schema": _STRING,
        "example": '"writes";r=299;t=60',
    },
    "Retry-After": {
        "description": "After how many seconds it is worth another try.",
        "required": True,
        "schema": {"type": "integer", "minimum": 0},
    },
}
_EXAMPLES: Final = {"string": "…", "integer": 1, "number": 1.0, "boolean": False, "null": None}
_EXAMPLES_OF_FAULTS: Final[Mapping[type[InvalidInput], tuple[str, str]]] = {
    InvalidInput: ("text", "something visible"),
    InvalidResetToken: ("token", "one that was mailed within the last hour, unused"),
}
_HEADERS_OF_ALL: Final = ("X-Request-ID", "Cache-Control")
_HEADERS_OF_LIMITS: Final = ("RateLimit-Policy", "RateLimit")
_HEADERS_OF_PROBLEMS: Final = {
    401: ("WWW-Authenticate",),
    429: ("Retry-After", *_HEADERS_OF_LIMITS),
    503: ("Retry-After",),
}


def document(endpoints: Iterable[Endpoint], *, version: str) -> Json:
    """The document of these endpoints."""
    endpoints = list(endpoints)
    schemas = _Schemas(endpoints)
    paths: dict[str, Json] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "hashpost",
            "version": version,
            "description": "Short posts with hashtags. Every path answers alike with and without "
            "its trailing slash, every GET also HEAD.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "parameters": _PARAMETERS,
            "headers": _HEADERS,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The `access` of `POST /api/token/`.",
                }
            },
        },
    }


class _Schemas:
    """The schemas of all structs that endpoints speak of."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        kinds: list[Any] = [Problem]
        for endpoint in endpoints:
            content = endpoint.operation.answer.content
            kinds += [endpoint.operation.body, *_alternatives(content)]
        self._kinds = [kind for kind in dict.fromkeys(kinds) if not isinstance(kind, str | None)]
        references, self.components = msgspec.json.schema_components(self._kinds, ref_template=_REF)
        self._references = dict(zip(self._kinds, references, strict=True))
        for kind in self._kinds:
            if extra := getattr(kind, "extra_json_schema", None):
                self.components[kind.__name__] |= extra

    def content(self, kind: Any) -> Json:
        """The content object of what `Documented` calls content."""
        if isinstance(kind, str):
            # Of what is JSON and no struct there is this very document.
            is_json = kind.endswith("json")
            example = {"openapi": "3.1.0"} if is_json else "…"
            return {
                kind: {"schema": {"type": "object" if is_json else "string"}, "example": example}
            }
        references = [self._references[each] for each in _alternatives(kind)]
        schema = references[0] if len(references) == 1 else {"oneOf": references}
        return {"application/json": {"schema": schema, "example": self._example(references[0])}}

    def _example(self, schema: Mapping[str, Any]) -> Any:
        """A value that fits, made of the examples of its parts."""
        if "$ref" in schema:
            schema = self.components[schema["$ref"].rpartition("/")[2]]
        if "examples" in schema:
            return schema["examples"][0]
        if schema.get("type") == "object":
            return {
                name: self._example(member)
                for name, member in schema["properties"].items()
                if name in schema.get("required", ())
            }
        if schema.get("type") == "array":
            return [self._example(schema["items"])]
        return _example_of_scalar(schema)


def _alternatives(content: Any) -> Sequence[Any]:
    return content if isinstance(content, tuple) else (content,)


def _example_of_scalar(schema: Mapping[str, Any]) -> Any:
    if "anyOf" in schema:
        return None
    return schema.get("const", _EXAMPLES[schema["type"]])


def _operation(endpoint: Endpoint, schemas: _Schemas) -> Json:
    particular = endpoint.operation
    use_case = particular.use_case
    about = inspect.getdoc(use_case) if use_case else inspect.cleandoc(endpoint.handler_doc)
    described: Json = {
        "operationId": endpoint.name,
        "tags": list(endpoint.tags),
        "summary": particular.summary,
        "description": about or "",
        "security": [] if endpoint.is_open else [{"bearer": []}],
        "responses": _responses(endpoint, schemas),
    }
    if parameters := [*endpoint.parameters, *particular.query, *endpoint.headers]:
        described["parameters"] = [
            {"$ref": f"#/components/parameters/{name}"} for name in parameters
        ]
    if particular.body:
        described["requestBody"] = {"required": True, "content": schemas.content(particular.body)}
    return described


def _responses(endpoint: Endpoint, schemas: _Schemas) -> dict[str, Json]:
    answer = endpoint.operation.answer
    limits = _HEADERS_OF_LIMITS if TooManyRequests in endpoint.errors else ()
    good: Json = {
        "description": answer.description,
        "headers": _header_references(*_HEADERS_OF_ALL, *answer.headers, *limits),
    }
    if answer.content is not None:
        good["content"] = schemas.content(answer.content)
    responses = {str(answer.status): good}
    if endpoint.is_conditional:
        responses["304"] = {
            "description": "The caller has the answer already.",
            "headers": _header_references(*_HEADERS_OF_ALL, ETAG),
        }
    by_status: dict[int, list[type[HashpostError]]] = {}
    for error in endpoint.errors:
        by_status.setdefault(problems.status_of(error), []).append(error)
    for status, errors in sorted(by_status.items()):
        responses[str(status)] = _problem(status, errors)
    return responses


def _problem(status: int, errors: Iterable[type[HashpostError]]) -> Json:
    distinct = {error.code: error for error in errors}
    return {
        "description": f"{HTTPStatus(status).phrase}: "
        + "; ".join(f"`{code}` ({error.title})" for code, error in distinct.items()),
        "headers": _header_references(*_HEADERS_OF_ALL, *_HEADERS_OF_PROBLEMS.get(status, ())),
        "content": {
            problems.MEDIA_TYPE: {
                "schema": {"$ref": _REF.format(name=Problem.__name__)},
                "examples": {
                    code: {"value": _example_of_problem(status, error)}
                    for code, error in distinct.items()
                },
            }
        },
    }


def _example_of_problem(status: int, error: type[HashpostError]) -> Json:
    example: Json = {
        "type": problems.TYPE_PREFIX + error.code,
        "title": error.title,
        "status": status,
        "detail": error.title,
    }
    if issubclass(error, InvalidInput):
        field, detail = _EXAMPLES_OF_FAULTS[error]
        example["errors"] = [{"field": field, "detail": detail}]
    return example


def _header_references(*names: str) -> dict[str, Json]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
