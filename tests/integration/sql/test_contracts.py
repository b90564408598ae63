"""The SQL adapter against the contracts, on SQLite and on PostgreSQL."""

from hashpost.testing import contracts


class TestTransactionsInSql(contracts.TransactionContract):
    pass


class TestUsersInSql(contracts.UsersContract):
    pass


class TestSessionsInSql(contracts.SessionsContract):
    pass


class TestPostsInSql(contracts.PostsContract):
    pass


class TestTimelinesInSql(contracts.TimelinesContract):
    pass


class TestHashtagsInSql(contracts.HashtagsContract):
    pass


class TestImportsInSql(contracts.ImportsContract):
    pass


class TestAuditInSql(contracts.AuditContract):
    pass


class TestTrendsInSql(contracts.TrendsContract):
    pass


class TestFavoritesInSql(contracts.FavoritesContract):
    pass


class TestOutboxInSql(contracts.OutboxContract):
    pass


class TestSchedulesInSql(contracts.SchedulesContract):
    pass


class TestRequestsInSql(contracts.IdempotentRequestsContract):
    pass
