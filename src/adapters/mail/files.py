"""Writes mails into a folder, as `.eml` files that any mail program opens."""

import asyncio
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import structlog

from hashpost.adapters.mail.composing import Composer, file_safe
from hashpost.domain.errors import Unavailable
from hashpost.domain.mail import Mail

_log = structlog.get_logger("hashpost.mail")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMailer:
    """Writes each mail, whole, into a file named by its key: trying again makes no second one.

    What is in the files is not for everybody (tokens that set passwords): the folder is made with
    mode 0700 when it is needed, and files have mode 0600.
    """

    folder: Path
    composer: Composer

    async def send(self, mail: Mail) -> None:
        """Write it.

        Raises:
            MailRefused: no message can be made of it.
            Unavailable: the file cannot be written.
        """
        content = self.composer.compose(mail).as_bytes()
        try:
            path = await asyncio.to_thread(self._write, f"{file_safe(mail.key)}.eml", content)
        except OSError as error:
            raise Unavailable(f"the mail cannot be written: {error.strerror}") from error
        _log.info("mail written", path=str(path))

    def _write(self, name: str, content: bytes) -> Path:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, unfinished = tempfile.mkstemp(dir=self.folder, prefix=".", suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            return Path(unfinished).replace(self.folder / name)
        except BaseException:
            Path(unfinished).unlink(missing_ok=True)
            raise
