"""What every adapter of a port must do, as classes of tests.

Inherit from a contract in a test module of yours and give it the fixture that it names; the tests
are coroutines, so let pytest run those (pytest-asyncio in its auto mode does). A contract speaks
through the port alone: it may not ask which adapter it has before it.

    class TestMyStorageKeepsUsers(UsersContract):
        @pytest.fixture
        async def storage(self) -> AsyncIterator[Storage]: ...
"""

from hashpost.testing.contracts.clocks import ClockContract, IdsContract
from hashpost.testing.contracts.favorites import FavoritesContract
from hashpost.testing.contracts.hashtags import HashtagsContract
from hashpost.testing.contracts.housekeeping import AuditContract, ImportsContract
from hashpost.testing.contracts.mails import CronTimesContract, MailTokensContract
from hashpost.testing.contracts.outbox import OutboxContract
from hashpost.testing.contracts.posts import PostsContract
from hashpost.testing.contracts.requests import IdempotentRequestsContract
from hashpost.testing.contracts.schedules import SchedulesContract
from hashpost.testing.contracts.secrets import (
    AccessTokensContract,
    CursorsContract,
    EmailAddressesContract,
    PasswordHasherContract,
    RefreshTokensContract,
)
from hashpost.testing.contracts.sessions import SessionsContract
from hashpost.testing.contracts.timelines import TimelinesContract
from hashpost.testing.contracts.transactions import TransactionContract
from hashpost.testing.contracts.trends import TrendsContract
from hashpost.testing.contracts.users import UsersContract

__all__ = [
    "AccessTokensContract",
    "AuditContract",
    "ClockContract",
    "CronTimesContract",
    "CursorsContract",
    "EmailAddressesContract",
    "FavoritesContract",
    "HashtagsContract",
    "IdempotentRequestsContract",
    "IdsContract",
    "ImportsContract",
    "MailTokensContract",
    "OutboxContract",
    "PasswordHasherContract",
    "PostsContract",
    "RefreshTokensContract",
    "SchedulesContract",
    "SessionsContract",
    "TimelinesContract",
    "TransactionContract",
    "TrendsContract",
    "UsersContract",
]
