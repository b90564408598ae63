"""Reading request bodies: one JSON object, strictly, with every wrong member named at once."""

import json
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NoReturn, TypeVar

import msgspec

from hashpost.domain.characters import is_storable
from hashpost.domain.errors import FieldError, InvalidInput
from hashpost.entrypoints.http.asgi import Header, Receive
from hashpost.entrypoints.http.problems import MalformedRequest, UnsupportedMediaType

S = TypeVar("S", bound=msgspec.Struct)
Faults = Callable[..., Iterable[FieldError]]

_JSON: Final = re.compile(
    rb'application/json[ \t]*(;[ \t]*(charset=(utf-8|"utf-8")[ \t]*)?)*', re.IGNORECASE
)
_WHITE_SPACE: Final = " \t\r\n"
_DIGITS_MAX: Final = 20


def require_json(headers: Iterable[Header]) -> None:
    """Return if the body is said to be JSON, in UTF-8 and without an encoding.

    Raises:
        UnsupportedMediaType: it is not.
    """
    types = []
    for name, value in headers:
        if name == b"content-type":
            types.append(value)
        elif name == b"content-encoding" and value.strip().lower() != b"identity":
            raise UnsupportedMediaType
    if len(types) != 1 or _JSON.fullmatch(types[0].strip()) is None:
        raise UnsupportedMediaType


async def read(receive: Receive) -> bytes:
    """The whole body. Its bounds of size and time are the edge's business."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


def parse(body: bytes, kind: type[S], *, faults: Faults) -> S:
    """The body as a `kind`.

    `faults` tells what the domain finds wrong with the members, which it gets by name, None for
    those that cannot be read. It is asked only if something else is wrong: the use case asks again.

    Raises:
        MalformedRequest: it is not one JSON object in UTF-8; says what it is instead, or where.
        InvalidInput: names every member that is missing, unknown, of a wrong type, or wrong in
            itself.
    """
    given = _json_object(body)
    members = _members(kind)
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, member in members.items():
        if fault := member.fault(given):
            errors.append(FieldError(name, fault))
        else:
            values[name] = given.get(name, member.default)
    errors += [FieldError(name, "no such member") for name in given if name not in members]
    if errors:
        errors += faults(**{name: values.get(name) for name in members})
        raise InvalidInput(errors)
    return kind(**values)


def _json_object(body: bytes) -> dict[str, Any]:
    if body.startswith(BOM_UTF8):
        raise MalformedRequest("The body begins with a byte order mark")
    try:
        text = body.decode("utf-8").rstrip(_WHITE_SPACE)
    except UnicodeDecodeError:
        raise MalformedRequest("The body is not UTF-8") from None
    start = len(text) - len(text.lstrip(_WHITE_SPACE))
    if start == len(text):
        raise MalformedRequest("The body is empty")
    value, end = _json_value(text, start)
    if not isinstance(value, dict):
        raise MalformedRequest("The body is not an object")
    if end < len(text):
        raise MalformedRequest("Something stands after the object in the body")
    return value


def _json_value(text: str, start: int) -> tuple[object, int]:
    """The value that begins there, and where it ends."""
    try:
        return _decoder.raw_decode(text, start)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise MalformedRequest(f"The body is not JSON: {place}") from None
    except RecursionError:
        raise MalformedRequest("The body is nested too deeply") from None


def _no_constant(_: str) -> NoReturn:
    raise MalformedRequest("The body is not JSON: NaN and Infinity are no numbers in it")


def _integer(digits: str) -> int | float:
    # No id has so many digits, and reading a number takes time quadratic in them.
    return int(digits) if len(digits) <= _DIGITS_MAX else float("inf")


_decoder = json.JSONDecoder(parse_constant=_no_constant, parse_int=_integer)


@dataclass(frozen=True, slots=True)
class _Member:
    """A member of a body, as its struct declares it: what its value must be."""

    name: str
    type: msgspec.inspect.Type
    is_needed: bool
    default: object

    def fault(self, given: Mapping[str, Any]) -> str | None:
        """What would be right, if it is missing or of a wrong type."""
        if self.name not in given:
            return "this member is needed" if self.is_needed else None
        return _fault(given[self.name], self.type)


def _fault(value: object, type_: msgspec.inspect.Type) -> str | None:
    """What would be right, if the value is not of the type; the domain looks at the rest."""
    match type_:
        case msgspec.inspect.UnionType(types=types):
            return None if value is None else _fault(value, types[0])
        case msgspec.inspect.IntType(ge=low, le=high):
            # bool is an int to Python, and 1.0 equals 1.
            is_right = type(value) is int and (low or 0) <= value <= (high or 0)
            return None if is_right else f"an integer from {low} to {high}"
        case msgspec.inspect.BoolType():
            return None if type(value) is bool else "true or false"
        case msgspec.inspect.StrType():
            if not isinstance(value, str):
                return "a string"
            return None if is_storable(value) else "no NUL and no lone surrogate"
    raise TypeError(f"no member may be declared as {type_}")


@cache
def _members(kind: type[msgspec.Struct]) -> Mapping[str, _Member]:
    info = msgspec.inspect.type_info(kind)
    if not isinstance(info, msgspec.inspect.StructType):
        raise TypeError(f"{kind} is no struct")
    return {
        field.encode_name: _Member(
            field.encode_name, _unannotated(field.type), field.required, field.default
        )
        for field in info.fields
    }


def _unannotated(type_: msgspec.inspect.Type) -> msgspec.inspect.Type:
    """The type without what is only said of it in the OpenAPI document."""
    while isinstance(type_, msgspec.inspect.Metadata):
        type_ = type_.type
    if isinstance(type_, msgspec.inspect.UnionType):
        return msgspec.inspect.UnionType(tuple(_unannotated(each) for each in type_.types))
    return type_
