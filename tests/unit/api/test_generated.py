"""What is committed is what the models generate, and it has the form that a CRD demands."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from genaiops.api.crd import custom_resource_definition, generated_files, main
from genaiops.api.kinds import KINDS, Kind

REPOSITORY = Path(__file__).parents[3]
FILES = generated_files()


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_generated_file_is_up_to_date(path: Path) -> None:
    assert (REPOSITORY / path).read_text() == FILES[path], "run `make generate` and commit what it changed"


@pytest.mark.parametrize("folder", ["crds", "docs/reference"])
def test_no_file_is_left_of_a_kind_that_is_gone(folder: str) -> None:
    there = {path.relative_to(REPOSITORY) for path in (REPOSITORY / folder).iterdir()}
    assert there == {path for path in FILES if path.is_relative_to(folder)}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_field_says_what_it_means(kind: Kind) -> None:
    spec_and_status = schema_of(kind)["properties"]
    silent = [
        path
        for part in ("spec", "status")
        for path, node in nodes(spec_and_status[part], part)
        if "description" not in node
    ]
    assert silent == []


def test_defaults_of_a_minimal_app_are_in_the_schema() -> None:
    (app,) = (kind for kind in KINDS if kind.name == "LLMApp")
    fields = schema_of(app)["properties"]["spec"]["properties"]
    assert fields["replicas"]["default"] == 1
    assert fields["traffic"]["properties"]["gateway"]["properties"]["port"]["default"] == 80
    # One default nested in an absent parent would make a rollout appear beside a rolloutPolicyRef, a gateway beside
    # another way of splitting traffic.
    assert "default" not in fields["rollout"]
    assert "default" not in fields["traffic"]["properties"]["gateway"]
    assert fields["rollout"]["properties"]["steps"]["default"] == [{"setWeight": weight} for weight in (5, 25, 50)]
    assert fields["model"]["properties"]["timeout"]["default"] == "1m"


def test_the_chart_s_copy_has_no_template_but_its_own() -> None:
    template = FILES[Path("charts/genaiops/templates/crds.yaml")]
    actions = [line.strip() for line in template.splitlines() if "{{" in line and '{{ "{{" }}' not in line]
    assert set(actions) == {"{{- if .Values.crds.enabled }}", "{{- if .Values.crds.keep }}", "{{- end }}"}


def schema_of(kind: Kind) -> dict[str, Any]:
    (version,) = custom_resource_definition(kind)["spec"]["versions"]
    return version["schema"]["openAPIV3Schema"]


def nodes(node: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, node
    for name, field in node.get("properties", {}).items():
        yield from nodes(field, f"{path}.{name}")
    if "properties" in node.get("items", {}):
        yield from nodes(node["items"], f"{path}[]")


def test_generating_writes_what_is_missing_and_removes_what_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stale = tmp_path / "crds/genaiops.dev_gone.yaml"
    stale.parent.mkdir()
    stale.write_text("of a kind that is gone")
    main()
    assert {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()} == FILES.keys()
