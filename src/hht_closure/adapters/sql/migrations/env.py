"""What alembic runs: the migrations, within the transaction that was begun for them."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from hht_closure.adapters.sql.tables import VERSIONS

connection = context.config.attributes["connection"]
if not isinstance(connection, Connection):
    raise TypeError("migrations run by hht_closure.adapters.sql.migrate alone")
context.configure(connection=connection, version_table=VERSIONS, transactional_ddl=True)
context.run_migrations()
