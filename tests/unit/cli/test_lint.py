"""What is found in manifests without a cluster, and where it stands."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.conftest import Type
from genaiops.api.action import Action
from genaiops.api.kinds import KINDS

ROOT = Path(__file__).parents[3]
RULES = yaml.safe_load((ROOT / "tests/unit/api/rules.yaml").read_text())


@pytest.fixture
def lint(offline: Type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)

    def lint(text: str) -> list[str]:
        """Findings in a file `f` with this text."""
        Path("f").write_text(text)
        return offline("lint", "f").out.splitlines()

    return lint


def manifest(kind: str, name: str = "x", **spec: Any) -> str:
    head = {"apiVersion": "genaiops.dev/v1alpha1", "kind": kind, "metadata": {"name": name}}
    return json.dumps({**head, "spec": spec})


def test_the_examples_are_in_order(offline: Type) -> None:
    folders = ("quickstart", "rollouts", "evaluation", "quality", "presidio", "tracing")
    printed = offline("lint", *(str(ROOT / "examples" / folder) for folder in folders))

    assert (printed.code, printed.out, printed.err) == (0, "", "15 objects checked: 0 errors, 0 warnings\n")


def test_the_decisions_in_the_docs_are_in_order_and_none_is_missing(lint: Any) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/decisions.md").read_text(), re.DOTALL)
    documents = [document for block in blocks for document in yaml.safe_load_all(block)]

    assert lint("\n---\n".join(blocks)) == []
    assert {item["spec"]["action"] for item in documents if item["kind"] == "ReleaseAction"} == {*Action}


def test_nobody_writes_who_decided(lint: Any) -> None:
    action = manifest(
        "ReleaseAction", app="a", action="Abort", release="0" * 64, requester={"username": "me", "stamp": "x"}
    )

    (finding,) = lint(action)

    assert "ReleaseAction/x spec.requester: the operator's webhook writes it; remove it" in finding


def test_what_the_api_server_takes_is_taken(lint: Any) -> None:
    """The table that the models and the API server are held against."""
    good = [manifest(case["kind"], f"g{index}", **case["good"]) for index, case in enumerate(RULES)]

    findings = lint("\n---\n".join(good))

    errors = [finding for finding in findings if ": error: " in finding]
    assert errors == []


@pytest.mark.parametrize("case", [case for case in RULES if "before" not in case], ids=lambda c: c["rule"])
def test_what_breaks_a_rule_is_an_error(lint: Any, case: dict[str, Any]) -> None:
    message = case["message"] if isinstance(case["message"], str) else case["message"]["models"]

    assert any(message in finding and ": error: " in finding for finding in lint(manifest(case["kind"], **case["bad"])))


def test_every_finding_stands_where_it_can_be_mended(lint: Any) -> None:
    text = """\
apiVersion: genaiops.dev/v1alpha1
kind: LLMApp
metadata: {name: 1st}
spec:
  replicas: "2"
  model: {ref: gpt, parameters: {temperature: -1}}
  prompt: {}
  guardrail: []
"""
    assert lint(text) == [
        "f:3:12: error: LLMApp/1st metadata.name: it names Services, so at most 40 lowercase letters, digits and inner "
        "'-', a letter first; rename it",
        "f:5:3: error: LLMApp/1st spec.replicas: Input should be a valid integer",
        "f:6:34: error: LLMApp/1st spec.model.parameters.temperature: Input should be greater than or equal to 0",
        "f:7:3: error: LLMApp/1st spec.prompt.ref: is missing; it has no default",
        "f:8:3: error: LLMApp/1st spec.guardrail: is no field of it; remove it or correct its name",
    ]


def test_templates_and_detectors_are_tried(lint: Any) -> None:
    text = """\
apiVersion: genaiops.dev/v1alpha1
kind: Prompt
metadata: {name: support}
spec:
  versions:
  - name: v1
    variables: [{name: unused}]
    messages:
    - {role: system, content: "Hello {{ company }}"}
---
apiVersion: genaiops.dev/v1alpha1
kind: GuardrailPolicy
metadata: {name: safe}
spec:
  input: [{name: x, detector: {type: Regex, patterns: [ok, "(a"]}}]
"""
    assert lint(text) == [
        "f:7:17: warning: Prompt/support spec.versions[0].variables[0]: no message uses the variable 'unused'",
        "f:9:22: error: Prompt/support spec.versions[0].messages[0].content: uses the undeclared variable 'company': "
        "add it to variables",
        "f:15:60: error: GuardrailPolicy/safe spec.input[0].detector.patterns[1]: is no RE2 expression: missing ): (a",
    ]


def test_what_a_suite_names_is_tried_and_followed(lint: Any) -> None:
    evaluators = [
        {"name": "polite", "type": "Regex", "pattern": "(please"},
        {"name": "relevant", "type": "Relevance", "model": "judge"},
    ]
    suite = manifest("EvaluationSuite", "golden", dataset={"builtIn": "RedTeam"}, evaluators=evaluators)
    words = {"versions": [{"name": "v1", "messages": [{"role": "system", "content": "Hi"}]}]}
    app = {"model": {"ref": "gpt"}, "prompt": {"ref": "support", "version": "v1"}}
    files = [
        suite,
        manifest("Prompt", "support", **words),
        manifest("Model", "gpt", model="m", endpoint="http://llm/v1"),
        manifest("LLMApp", "a", **app, evaluations=[{"suite": "golden"}, {"suite": "other"}]),
    ]

    told = [finding.partition(": ")[2] for finding in lint("\n---\n".join(files))]

    assert told[0].startswith("error: EvaluationSuite/golden spec.evaluators[0].pattern: is no RE2 expression")
    assert [line for line in told[1:] if "this Model is not among the given files" in line]
    assert "warning: LLMApp/a spec.evaluations[1].suite: this EvaluationSuite is not among the given files" in told[-1]


def test_references_are_followed_among_the_files(offline: Type, tmp_path: Path) -> None:
    words = {"versions": [{"name": "v1", "messages": [{"role": "system", "content": "Hi"}]}]}
    key = {"secretRef": {"name": "llm", "key": "api-key"}}
    files = {
        "app.yaml": manifest("LLMApp", "a", model={"ref": "gpt"}, prompt={"ref": "support", "version": "v9"}),
        "prompt.yml": manifest("Prompt", "support", **words),
        "model.json": manifest("Model", "gpt", model="m", endpoint="http://llm/v1", credentials=key),
        "secret.yaml": json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "llm"}, "data": {}}),
        "other.yaml": manifest("LLMApp", "b", model={"ref": "far"}, prompt={"ref": "support", "label": "live"}),
        "notes.txt": "no manifest",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    printed = offline("lint", str(tmp_path))

    told = [line.partition(": ")[2] for line in printed.out.splitlines()]
    assert printed.code == 1
    assert told == [
        "error: LLMApp/a spec.model.ref: Model 'gpt' takes its API key from key 'api-key' of Secret 'llm', which has "
        "only no keys; add the key or correct the Model's credentials.secretRef.key",
        "error: LLMApp/a spec.prompt.version: Prompt 'support' has no version 'v9'; add it or choose one of its "
        "versions: v1",
        "warning: LLMApp/b spec.model.ref: this Model is not among the given files, so it was not checked",
        "error: LLMApp/b spec.prompt.label: Prompt 'support' has no label 'live'; add it or choose one of its labels: "
        "latest",
    ]


def test_what_online_quality_needs_is_followed_too(lint: Any) -> None:
    pattern = {"name": "digits", "type": "Regex", "pattern": "("}
    relevance = {"name": "relevance", "type": "Relevance", "model": "judge"}
    app = {"model": {"ref": "m"}, "prompt": {"ref": "p", "version": "v1"}}
    found = lint(manifest("LLMApp", **app, quality={"sampling": {}, "evaluators": [pattern, relevance]}))

    assert any("quality.evaluators[0].pattern" in finding and "error" in finding for finding in found)
    assert any("spec.quality" in finding and "this Model is not among the given files" in finding for finding in found)


def test_what_is_only_not_among_the_files_is_no_error(offline: Type, tmp_path: Path) -> None:
    file = tmp_path / "app.yaml"
    file.write_text(manifest("LLMApp", model={"ref": "gpt"}, prompt={"ref": "support", "version": "v1"}))

    printed = offline("lint", str(file))

    assert (printed.code, printed.out.count("warning: ")) == (0, 2)


def test_a_name_in_another_namespace_is_another_object(lint: Any) -> None:
    model = json.loads(manifest("Model", "gpt", model="m", endpoint="http://llm/v1"))
    elsewhere = {**model, "metadata": {"name": "gpt", "namespace": "other"}}

    assert lint(f"{json.dumps(model)}\n---\n{json.dumps(elsewhere)}") == []
    (finding,) = lint(f"{json.dumps(model)}\n---\n{json.dumps(model)}")
    assert "Model/gpt metadata.name: the same object is at f:1:1, too" in finding


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("a: [1", "f:1:6: error: is no YAML: expected ',' or ']', but got '<stream end>'"),
        ("a: \x07", "f:1:1: error: is no YAML: "),
        ("- 1", "f:1:1: error: is no object: a manifest has apiVersion and kind"),
        ("kind: A\nkind: B", "f:2:1: error: the key 'kind' is there twice; remove one"),
        ("a: &a [*a]", "f:1:4: error: refers to itself; write it out"),
        ("apiVersion: genaiops.dev/v1\nkind: Model", "f:1:1: error: Model/? apiVersion: there is no genaiops.dev/v1;"),
        ("apiVersion: genaiops.dev/v1alpha1\nkind: Modell", "f:2:1: error: Modell/? kind: there is no such kind"),
        ("apiVersion: genaiops.dev/v1alpha1\nkind: Model\nspec: {}", "f:1:1: error: Model/? metadata.name: is missing"),
    ],
)
def test_what_is_no_manifest_is_told_with_its_place(lint: Any, text: str, finding: str) -> None:
    assert lint(text)[0].startswith(finding)


def test_a_date_is_text_as_it_is_for_kubectl(lint: Any) -> None:
    words = "versions: [{name: v1, description: 2027-01-01, messages: [{role: system, content: 2027-01-01}]}]"

    assert lint(f"apiVersion: genaiops.dev/v1alpha1\nkind: Prompt\nmetadata: {{name: p}}\nspec: {{{words}}}") == []


def test_items_of_a_list_are_checked_and_other_kinds_are_not(lint: Any) -> None:
    items = f"- {{kind: Deployment, apiVersion: apps/v1}}\n- {manifest('Model', model='m', region=1)}"

    (finding,) = lint(f"apiVersion: v1\nkind: List\nitems:\n{items}")

    assert finding.startswith("f:5:")
    assert finding.endswith("error: Model/x spec.region: Input should be a valid string")


def test_findings_are_data_for_programs(offline: Type, tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(manifest("Model", model="m", endpoint="nowhere"))

    printed = offline("lint", "-o", "json", str(file))

    (finding,) = json.loads(printed.out)
    assert printed.code == 1
    assert (finding["file"], finding["line"], finding["severity"]) == (str(file), 1, "error")
    assert (finding["object"], finding["field"]) == ("Model/x", "spec.endpoint")


def test_a_file_that_is_not_there(offline: Type) -> None:
    printed = offline("lint", "/does/not/exist.yaml")

    assert printed.code == 2
    assert "can't read /does/not/exist.yaml" in printed.err


def test_every_kind_is_known(lint: Any) -> None:
    for kind in KINDS:
        assert not any("no such kind" in finding for finding in lint(manifest(kind.name)))


def test_a_prompt_is_judged_with_what_it_includes_and_a_secret_in_it_is_told(lint: Any) -> None:
    house = manifest("Prompt", "house", versions=[{"name": "v1", "messages": [{"role": "system", "content": "{{ x"}]}])
    said = [{"role": "system", "content": "{% include 'tone' %} key: AKIA" + "ABCDEFGH" * 2}]
    includes = [{"name": "tone", "prompt": "house", "version": "v1"}]
    prompt = manifest("Prompt", "support", versions=[{"name": "v1", "includes": includes, "messages": said}])

    alone = lint(prompt)
    together = lint(f"{prompt}\n---\n{house}")

    assert [finding.partition(": ")[2].partition(" spec.")[0] for finding in alone] == ["warning: Prompt/support"] * 2
    assert any("the Prompt 'house' is not among the given files" in finding for finding in alone)
    assert any("looks like it holds a secret (AWS_ACCESS_KEY)" in finding for finding in alone)
    assert any("error: Prompt/support spec.versions[0].includes: support/v1 → house/v1" in line for line in together)


def test_a_prompt_that_fills_its_model_is_told(lint: Any) -> None:
    model = manifest("Model", "gpt", model="m", endpoint="http://llm/v1", contextWindow=100)
    app = manifest("LLMApp", "a", model={"ref": "gpt"}, prompt={"ref": "support", "label": "latest"})

    def told(characters: int) -> list[str]:
        said = [{"role": "system", "content": "x" * characters}]
        return lint(
            "\n---\n".join([model, app, manifest("Prompt", "support", versions=[{"name": "v1", "messages": said}])])
        )

    assert told(200) == []
    [nearly], [over] = told(340), told(500)
    assert "warning: LLMApp/a spec.prompt: the prompt's own text takes about 89 tokens" in nearly
    assert "error: LLMApp/a spec.prompt: the prompt's own text takes about 129 tokens" in over
