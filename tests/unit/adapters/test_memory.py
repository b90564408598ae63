"""The memory adapter against the contracts."""

import pytest

from hashpost.adapters.memory import MemoryStorage
from hashpost.testing import contracts


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


class TestTransactionsInMemory(contracts.TransactionContract):
    pass


class TestUsersInMemory(contracts.UsersContract):
    pass


class TestSessionsInMemory(contracts.SessionsContract):
    pass


class TestPostsInMemory(contracts.PostsContract):
    pass


class TestTimelinesInMemory(contracts.TimelinesContract):
    pass


class TestHashtagsInMemory(contracts.HashtagsContract):
    pass


class TestImportsInMemory(contracts.ImportsContract):
    pass


class TestAuditInMemory(contracts.AuditContract):
    pass


class TestTrendsInMemory(contracts.TrendsContract):
    pass


class TestFavoritesInMemory(contracts.FavoritesContract):
    pass


class TestOutboxInMemory(contracts.OutboxContract):
    pass


class TestSchedulesInMemory(contracts.SchedulesContract):
    pass


class TestRequestsInMemory(contracts.IdempotentRequestsContract):
    pass
