"""Which of the operator's own Evaluations stay."""

from typing import Any

import pytest

from genaiops.controller.evaluations import evaluations_to_clear


def run(name: str, phase: str) -> dict[str, Any]:
    return {
        "kind": "Evaluation",
        "metadata": {"name": name, "ownerReferences": [{"kind": "LLMApp"}]},
        "status": {"phase": phase},
    }


@pytest.mark.parametrize(
    ("runs", "wanted", "cleared"),
    [
        ([("a", "Passed"), ("b", "Passed"), ("c", "Failed")], set(), ["a"]),
        ([("a", "Running"), ("b", "Pending")], {"b"}, ["a"]),
        ([("a", "Passed"), ("b", "Passed"), ("c", "Passed"), ("d", "Running")], {"a", "b", "c", "d"}, []),
        ([("a", "Passed"), ("b", "Passed"), ("c", "Passed"), ("d", "Passed")], {"a"}, ["b"]),
    ],
    ids=[
        "the newest with a result stay",
        "nobody waits for it",
        "wanted ones would be run again",
        "beside wanted ones",
    ],
)
def test_what_is_cleared(runs: list[tuple[str, str]], wanted: set[str], cleared: list[str]) -> None:
    owned = [run(name, phase) for name, phase in runs]

    assert [raw["metadata"]["name"] for raw in evaluations_to_clear(owned, wanted, limit=2)] == cleared
