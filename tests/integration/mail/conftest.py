"""Certificates for servers on this machine."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import IN_CI
from tests.integration.mail.smtp_server import Certificate, certificate


@pytest.fixture(scope="session")
def local_certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate of this machine."""
    return _made(tmp_path_factory.mktemp("local"), names="DNS:localhost,IP:127.0.0.1")


@pytest.fixture(scope="session")
def foreign_certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate of another machine."""
    return _made(tmp_path_factory.mktemp("foreign"), names="DNS:mail.example.org")


def _made(folder: Path, *, names: str) -> Certificate:
    if shutil.which("openssl") is None and not IN_CI:
        pytest.skip("the program openssl is not there to make certificates")
    return certificate(folder, names=names)
