"""Everything in the memory of one process, gone when it ends.

For embedding, for trying out and for tests: it keeps the same promises as a database, transactions
included. It belongs to one event loop, and nothing here may reach outside the process.
"""

from hashpost.adapters.memory.storage import MemoryStorage

__all__ = ["MemoryStorage"]
