"""Prompts in the files of other tools: Langfuse, the MLflow prompt registry, promptfoo."""

from typing import Final, Literal

Tool = Literal["langfuse", "mlflow", "promptfoo"]
TOOLS: Final[tuple[Tool, ...]] = ("langfuse", "mlflow", "promptfoo")
