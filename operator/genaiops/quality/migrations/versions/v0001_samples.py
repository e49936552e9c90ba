"""Samples, judgements, feedback."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the three tables."""
    op.create_table(
        "genaiops_samples",
        sa.Column("app", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("release", sa.Text, nullable=False),
        sa.Column("prompt_version", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("messages", sa.JSON, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("refused", sa.Boolean, nullable=False),
        sa.Column("shadow", sa.Boolean, nullable=False),
        sa.Column("guardrails", sa.JSON, nullable=False),
        sa.Column("flagged", sa.Boolean, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("first_token", sa.Float, nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("judged", sa.Boolean, nullable=False),
    )
    op.create_index("genaiops_samples_by_time", "genaiops_samples", ["app", "at"])
    op.create_index("genaiops_samples_unjudged", "genaiops_samples", ["app", "judged", "at"])
    op.create_table(
        "genaiops_judgements",
        sa.Column("app", sa.Text, primary_key=True),
        sa.Column("sample", sa.Text, primary_key=True),
        sa.Column("evaluator", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("score", sa.Float),
        sa.Column("passed", sa.Boolean),
        sa.Column("error", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(
            ["app", "sample"], ["genaiops_samples.app", "genaiops_samples.id"], ondelete="CASCADE", name="of_its_sample"
        ),
    )
    op.create_table(
        "genaiops_feedback",
        sa.Column("app", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("release", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("rating", sa.Text, nullable=False),
        sa.Column("score", sa.Float),
        sa.Column("comment", sa.Text),
        sa.Column("correction", sa.Text),
    )
    op.create_index("genaiops_feedback_by_time", "genaiops_feedback", ["app", "at"])
