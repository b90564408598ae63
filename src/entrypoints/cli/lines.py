"""Posts as JSON lines (jsonlines.org): one object a line, of bounded length."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, BinaryIO

import msgspec

from hashpost.application.transfer import ImportLine
from hashpost.domain.post import Post

LINE_MAX_BYTES = 64 * 1024
"""A text of 5,000 characters, each escaped as two surrogates, takes 60,000 bytes."""


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One post in a file."""

    author: str
    text: str
    created_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


_DECODER = msgspec.json.Decoder(Line)
_ENCODER = msgspec.json.Encoder()


def encoded(post: Post) -> bytes:
    """The line of a post."""
    at = post.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line = {"author": post.owner.username, "text": post.text, "created_at": at}
    return _ENCODER.encode(line) + b"\n"


class NotALine(ValueError):
    """A line that holds no post; the message says why."""


def decoded(line: bytes, *, number: int) -> ImportLine:
    """The post that a line holds.

    Raises:
        NotALine: it is not UTF-8 or not JSON, a member is unknown, missing or of the wrong type.
    """
    try:
        read = _DECODER.decode(line)
    except UnicodeDecodeError as error:
        raise NotALine("not UTF-8") from error
    except msgspec.ValidationError as error:
        raise NotALine(_printable(str(error))) from error
    except msgspec.DecodeError as error:
        raise NotALine(f"not JSON: {_printable(str(error))}") from error
    except RecursionError as error:
        raise NotALine("nested too deeply") from error
    return ImportLine(number, read.author, read.text, read.created_at)


def _printable(reason: str) -> str:
    """A reason may cite the line, and that must not reach a terminal as it is."""
    characters = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in reason)
    return "".join(characters)[:200]


@dataclass(slots=True)
class LineReader:
    """Reads a source line by line, however long a line may be, until it is told to stop.

    `reading` is called around each read, which may take for ever. Lines that hold no post are
    given to `reject`, with the reason.
    """

    source: BinaryIO
    reject: Callable[[int, str], None]
    number: int = 0
    bytes_read: int = 0

    def posts(self) -> Iterator[ImportLine]:
        """The posts of all good lines."""
        while line := self._read():
            self.number += 1
            try:
                if len(line) > LINE_MAX_BYTES and not line.endswith(b"\n"):
                    self._skip()
                    raise NotALine(f"longer than {LINE_MAX_BYTES} bytes")
                yield decoded(line, number=self.number)
            except NotALine as error:
                self.reject(self.number, str(error))

    def _read(self) -> bytes:
        line = self.source.readline(LINE_MAX_BYTES + 1)
        self.bytes_read += len(line)
        return line

    def _skip(self) -> None:
        """Read on to the end of the line, and keep nothing of it."""
        while (rest := self._read()) and not rest.endswith(b"\n"):
            pass
