"""The lines that were imported."""

from collections.abc import Collection
from dataclasses import dataclass

from hashpost.adapters.sql.statements import insert_new_returning
from hashpost.adapters.sql.tables import imports
from hashpost.adapters.sql.transaction import Run

_CLAIM = insert_new_returning(imports)


@dataclass(frozen=True, slots=True)
class SqlImports:
    """Keys of lines, each one row."""

    run: Run

    async def claim(self, keys: Collection[bytes]) -> Collection[bytes]:
        """Of these keys, those never claimed before.

        Who claims one that another transaction has claimed waits for the end of that one.
        """
        if not keys:
            return ()
        rows = await self.run(_CLAIM, [{"key": key} for key in sorted(set(keys))])
        return {bytes(key) for (key,) in rows}
