"""The models keep the rules of the shared table, and the table misses no rule."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from genaiops.api.crd import custom_resource_definition
from genaiops.api.kinds import KINDS

SPECS = {kind.name: kind.spec for kind in KINDS}
CASES = yaml.safe_load(Path(__file__).with_name("rules.yaml").read_text())
WITHOUT_PAST = [case for case in CASES if "before" not in case]


def title(case: dict[str, Any]) -> str:
    return f"{case['kind']}: {case['rule']}"


@pytest.mark.parametrize("case", CASES, ids=title)
def test_a_good_object_is_parsed(case: dict[str, Any]) -> None:
    SPECS[case["kind"]].model_validate(case["good"])


@pytest.mark.parametrize("case", WITHOUT_PAST, ids=title)
def test_a_bad_object_is_refused_with_the_rule_s_message(case: dict[str, Any]) -> None:
    message = case["message"]
    with pytest.raises(ValidationError) as refusal:
        SPECS[case["kind"]].model_validate(case["bad"])
    assert (message if isinstance(message, str) else message["models"]) in str(refusal.value)


def test_what_the_models_write_they_can_read() -> None:
    for case in CASES:
        parsed = SPECS[case["kind"]].model_validate(case["good"])
        assert type(parsed).model_validate(parsed.to_manifest()) == parsed


def test_the_table_has_every_rule_of_the_specs() -> None:
    declared = {
        validation["message"]
        for kind in KINDS
        for schema in [custom_resource_definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]]
        for validation in validations_in(schema["properties"]["spec"])
    }
    assert declared == {case["message"] for case in CASES if isinstance(case["message"], str)}


def validations_in(node: Any) -> Iterator[dict[str, str]]:
    if isinstance(node, dict):
        yield from node.get("x-kubernetes-validations", [])
        for child in node.values():
            yield from validations_in(child)
