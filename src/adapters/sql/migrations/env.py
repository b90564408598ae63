"""What Alembic runs for every command: it uses the connection, and the transaction, it is given."""

from alembic import context

from hashpost.adapters.sql.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
