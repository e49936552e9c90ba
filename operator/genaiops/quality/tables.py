"""The tables. Every row says of which app it is: apps may share a database.

Times are milliseconds since 1970 in UTC, which every database stores alike. Texts are what users, models and judges
wrote: untrusted, and nothing but text.
"""

from typing import Final

import sqlalchemy as sa

# Names of our own: somebody else's tables may be in the same database.
METADATA: Final = sa.MetaData()

SAMPLES: Final = sa.Table(
    "genaiops_samples",
    METADATA,
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
    sa.Index("genaiops_samples_by_time", "app", "at"),
    sa.Index("genaiops_samples_unjudged", "app", "judged", "at"),
)
JUDGEMENTS: Final = sa.Table(
    "genaiops_judgements",
    METADATA,
    sa.Column("app", sa.Text, primary_key=True),
    sa.Column("sample", sa.Text, primary_key=True),
    sa.Column("evaluator", sa.Text, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    # An evaluator that could not judge leaves an error and no score.
    sa.Column("score", sa.Float),
    sa.Column("passed", sa.Boolean),
    sa.Column("error", sa.Text),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("tokens", sa.BigInteger, nullable=False),
    sa.ForeignKeyConstraint(
        ["app", "sample"], ["genaiops_samples.app", "genaiops_samples.id"], ondelete="CASCADE", name="of_its_sample"
    ),
)
FEEDBACK: Final = sa.Table(
    "genaiops_feedback",
    METADATA,
    sa.Column("app", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("release", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("rating", sa.Text, nullable=False),
    sa.Column("score", sa.Float),
    sa.Column("comment", sa.Text),
    sa.Column("correction", sa.Text),
    sa.Index("genaiops_feedback_by_time", "app", "at"),
)
