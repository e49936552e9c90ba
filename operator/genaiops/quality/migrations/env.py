"""Alembic's entry: runs the steps on the connection that `database.migrate` hands over."""

from alembic import context

from genaiops.quality.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # SQLite changes a table by making it anew.
    render_as_batch=True,
    version_table="genaiops_quality_version",
)
with context.begin_transaction():
    context.run_migrations()
