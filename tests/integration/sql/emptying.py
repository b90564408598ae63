"""Making a database empty again is quicker than making another one."""

from sqlalchemy import create_engine, make_url

from hashpost.adapters.sql.tables import metadata, watermark


def empty(url: str) -> None:
    """Delete all rows of all tables, but that the watermark is where it was at first."""
    parsed = make_url(url)
    driver = "postgresql+psycopg" if parsed.drivername == "postgresql" else parsed.drivername
    engine = create_engine(parsed.set(drivername=driver))
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(table.delete())
        connection.execute(watermark.insert(), {"one": 1, "folded": 0, "announced": 0})
    engine.dispose()
