"""The adapter of e-mail addresses against the contract."""

import pytest

from hashpost.adapters.addresses import EmailSyntax
from hashpost.testing import contracts


class TestEmailSyntax(contracts.EmailAddressesContract):
    @pytest.fixture
    def addresses(self) -> EmailSyntax:
        return EmailSyntax()
