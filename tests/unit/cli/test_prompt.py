"""Prompts from and to other tools' files: what they can hold comes through, what they can't is said."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from cli import given as cluster_given
from cli.apiserver import ApiServer
from cli.conftest import Type
from genaiops.api.prompt import PromptSpec
from genaiops.api.release import PromptContent
from genaiops.cli.exchange import TOOLS, Tool, transfer
from genaiops.cli.exchange.text import AROUND_A_NAME, FIRST_BRACES, from_jinja, to_jinja, variables
from genaiops.prompts import PromptTemplate

LANGFUSE: list[dict[str, Any]] = [
    {
        "id": "cm1",
        "name": "movie-critic",
        "version": 2,
        "type": "chat",
        "prompt": [
            {"role": "system", "content": "You are a {{level}} critic.\n@@@langfusePrompt:name=tone|version=3@@@"},
            {"type": "chatmessage", "role": "user", "content": "Do you like {{ movie }}?"},
        ],
        "config": {"temperature": 0.5, "max_tokens": 200, "response_format": {"type": "json_object"}},
        "labels": ["production", "latest"],
        "tags": [],
        "commitMessage": "shorter",
    },
    {
        "name": "movie-critic",
        "version": 1,
        "type": "text",
        "prompt": "As a {{level}} critic",
        "config": {},
        "labels": [],
        "tags": [],
    },
]
MLFLOW: dict[str, Any] = {
    "name": "summary",
    "version": 4,
    "template": [{"role": "user", "content": "Sum up in {{ n }} sentences: {{text}}"}],
    "commit_message": "with a number",
    "aliases": ["champion"],
    "tags": {},
    "response_format": {"type": "object", "properties": {"summary": {"type": "string"}}},
    "model_config": {"model_name": "gpt", "temperature": 0.1, "stop_sequences": ["\n"]},
}
PROMPTFOO = """\
prompts:
- 'Translate to {{language}}: {{input | trim}}'
- label: Chat
  raw: |
    [{"role": "system", "content": "You speak {{language}}."}, {"role": "user", "content": "{{input}}"}]
  config: {temperature: 0, seed: 1}
- file://brief.txt
providers: [openai:gpt]
defaultTest: {vars: {language: French}}
tests: [{vars: {input: Hello}}]
"""


@pytest.fixture
def importing(offline: Type, tmp_path: Path) -> Any:
    def importing(tool: str, document: Any, *options: str) -> tuple[dict[str, Any], list[str]]:
        """The Prompt that is printed for a file with this in it, and what is told beside it."""
        file = tmp_path / "file"
        file.write_text(document if isinstance(document, str) else json.dumps(document))
        printed = offline("prompt", "import", "--from", tool, str(file), *options)
        assert printed.code == 0, printed.err
        return yaml.safe_load(printed.out), printed.err.splitlines()

    return importing


# --- in ----------------------------------------------------------------------------------------------------


def test_langfuse_s_versions_come_in_their_order_with_labels_config_and_references(importing: Any) -> None:
    prompt, told = importing("langfuse", LANGFUSE)

    assert told == []
    assert prompt == {
        "apiVersion": "genaiops.dev/v1alpha1",
        "kind": "Prompt",
        "metadata": {"name": "movie-critic"},
        "spec": {
            "labels": {"production": "v2"},
            "versions": [
                {
                    "name": "v1",
                    "variables": [{"name": "level"}],
                    "messages": [{"role": "system", "content": "As a {{level}} critic"}],
                },
                {
                    "name": "v2",
                    "description": "shorter",
                    "variables": [{"name": "level"}, {"name": "movie"}],
                    "messages": [
                        {"role": "system", "content": 'You are a {{level}} critic.\n{% include "tone" %}'},
                        {"role": "user", "content": "Do you like {{ movie }}?"},
                    ],
                    "includes": [{"name": "tone", "prompt": "tone", "version": "v3"}],
                    "parameters": {"temperature": "0.5", "maxTokens": 200},
                    "responseFormat": {"type": "json_object"},
                },
            ],
        },
    }


def test_what_reads_like_jinja_in_langfuse_stays_the_text_it_is(importing: Any, offline: Type, tmp_path: Path) -> None:
    text = 'Say {"a": {"b": 1}}, {% if %}, {# no #}, {{ }}, {{1+1}} and {{name}}'
    prompt, _ = importing("langfuse", {"name": "x", "version": 1, "type": "text", "prompt": text})
    [message] = prompt["spec"]["versions"][0]["messages"]
    assert prompt["spec"]["versions"][0]["variables"] == [{"name": "name"}]

    content = PromptContent.model_validate({"messages": [message], "variables": [{"name": "name"}]})
    [said] = PromptTemplate(content).render({"name": "Ann"})
    assert said["content"] == text.replace("{{name}}", "Ann")


def test_what_a_prompt_has_no_place_for_is_said(importing: Any) -> None:
    entry = {
        "name": "Movie Critic",
        "version": 1,
        "type": "chat",
        "prompt": [
            {"role": "system", "content": "Hello {{user name}}"},
            {"type": "placeholder", "name": "history"},
        ],
        "config": {"model": "gpt-4o", "tools": []},
        "labels": ["Tenant_1"],
        "tags": ["movies"],
    }
    prompt, told = importing("langfuse", entry)

    assert prompt["metadata"]["name"] == "movie-critic"
    assert told == [
        "note: the prompt 'Movie Critic' is called 'movie-critic'",
        "note: version 1: left out the placeholder 'history': the caller's messages follow",
        "note: version 1: the variable 'user name' is called 'user_name'",
        "note: version 1: left out of config: model, tools",
        "note: version 1: left out tags: movies",
        "note: the label 'Tenant_1' is called 'tenant-1': labels are lowercase letters, digits and '-'",
    ]


def test_mlflow_s_version_comes_as_python_and_as_the_rest_api_has_it(importing: Any) -> None:
    as_rest = {
        "model_versions": [
            {
                "name": "summary",
                "version": "4",
                "description": "with a number",
                "aliases": ["champion"],
                "tags": [
                    {"key": "mlflow.prompt.is_prompt", "value": "true"},
                    {"key": "mlflow.prompt.text", "value": json.dumps(MLFLOW["template"])},
                    {"key": "_mlflow_prompt_type", "value": "chat"},
                    {"key": "_mlflow_prompt_response_format", "value": json.dumps(MLFLOW["response_format"])},
                    {"key": "_mlflow_prompt_model_config", "value": json.dumps(MLFLOW["model_config"])},
                ],
            }
        ]
    }
    prompt, told = importing("mlflow", MLFLOW)

    assert told == ["note: version 4: left out of model_config: model_name"]
    assert prompt["spec"] == {
        "labels": {"champion": "v4"},
        "versions": [
            {
                "name": "v4",
                "description": "with a number",
                "variables": [{"name": "n"}, {"name": "text"}],
                "messages": [{"role": "user", "content": "Sum up in {{ n }} sentences: {{text}}"}],
                "parameters": {"temperature": "0.1", "stop": ["\n"]},
                "responseFormat": {"type": "json_schema", "schema": MLFLOW["response_format"]},
            }
        ],
    }
    assert importing("mlflow", as_rest) == (prompt, told)


def test_mlflow_s_text_with_statements_is_jinja(importing: Any) -> None:
    template = "{% if formal %}Dear {{ name }}{% else %}Hi{% endif %}"

    prompt, _ = importing("mlflow", {"name": "x", "version": 1, "template": template}, "--role", "user")
    chat, _ = importing("mlflow", {"name": "x", "version": 1, "template": [{"role": "user", "content": template}]})

    [version] = prompt["spec"]["versions"]
    assert chat == prompt
    assert version["messages"] == [{"role": "user", "content": template}]
    assert [variable["name"] for variable in version["variables"]] == ["formal", "name"]


def test_promptfoo_s_prompts_are_versions(importing: Any, tmp_path: Path) -> None:
    (tmp_path / "brief.txt").write_text("{{input}}?\n---\nBriefly: {{input}}\n")

    prompt, told = importing("promptfoo", PROMPTFOO, "--name", "translator")

    versions = {version["name"]: version for version in prompt["spec"]["versions"]}
    assert list(versions) == ["v1", "chat", "v3", "v4"]
    assert versions["v1"] == {
        "name": "v1",
        "variables": [{"name": "language", "default": "French"}, {"name": "input"}],
        "messages": [{"role": "user", "content": "Translate to {{language}}: {{input | trim}}"}],
    }
    assert [message["role"] for message in versions["chat"]["messages"]] == ["system", "user"]
    assert versions["chat"]["parameters"] == {"temperature": "0", "seed": 1}
    assert versions["v4"]["messages"][0]["content"] == "Briefly: {{input}}"
    assert told == [
        "note: left out: providers, tests; rows of tests are the dataset of an EvaluationSuite",
        "note: the prompt 'Chat' is called 'chat'",
    ]


@pytest.mark.parametrize(
    ("tool", "document", "told"),
    [
        ("langfuse", "{", "is neither JSON nor YAML"),
        ("langfuse", [], "the file has no prompt"),
        ("langfuse", {"name": "x", "versions": [1]}, "has no prompt; fetch each version by itself"),
        ("langfuse", [{**LANGFUSE[0]}, {**LANGFUSE[1], "name": "y"}], "choose one with --prompt: movie-critic, y"),
        (
            "langfuse",
            {"name": "x", "prompt": [{"type": "placeholder", "name": "h"}, {"role": "user", "content": "a"}]},
            "the placeholder 'h' between its messages",
        ),
        ("langfuse", {"name": "x", "prompt": [{"role": "tool", "content": "a"}]}, "has the role 'tool'"),
        ("langfuse", {"name": "x", "prompt": "a", "config": {"temperature": "hot"}}, "breaks a rule of Prompts"),
        ("langfuse", {"name": "!", "prompt": "a"}, "give one with --name"),
        ("mlflow", {"name": "x", "version": 1}, "version 1 has no template"),
        ("mlflow", {"name": "x", "template": "{% if %}"}, "makes no prompt: versions[0].messages[0].content: line 1"),
        ("promptfoo", {"prompts": ["a"]}, "give one with --name"),
    ],
)
def test_a_file_that_can_not_be_taken_is_told_why(
    offline: Type, tmp_path: Path, tool: str, document: Any, told: str
) -> None:
    (tmp_path / "f").write_text(document if isinstance(document, str) else json.dumps(document))

    printed = offline("prompt", "import", "--from", tool, str(tmp_path / "f"))

    assert (printed.code, printed.out) == (2, "")
    assert told in printed.err


@pytest.mark.parametrize("path", ["file://prompt.py", "file://*.txt", "file://absent.txt", "file://prompts/*"])
def test_promptfoo_s_programs_and_patterns_are_no_versions(offline: Type, tmp_path: Path, path: str) -> None:
    (tmp_path / "f").write_text(json.dumps({"prompts": [path]}))

    printed = offline("prompt", "import", "--from", "promptfoo", "--name", "x", str(tmp_path / "f"))

    assert printed.code == 2
    assert "only texts can be versions" in printed.err or "can't read" in printed.err


# --- into a Prompt that is there ---------------------------------------------------------------------------


def merging(genaiops: Type, tmp_path: Path, *options: str, **second: Any) -> Any:
    said = "You are the agent of {{ company }}.\n"
    entries = [
        {"name": "support", "version": 1, "type": "text", "prompt": f"{said}Be kind."},
        {"name": "support", "version": 2, "type": "text", "prompt": f"{said}Be brief.", **second},
        {"name": "support", "version": 3, "type": "text", "prompt": f"{said}Be both.", "labels": ["production", "new"]},
    ]
    (tmp_path / "f").write_text(json.dumps(entries))
    return genaiops("prompt", "import", "--from", "langfuse", str(tmp_path / "f"), "--merge", *options)


def test_new_versions_come_after_those_on_the_cluster_and_labels_stay(
    cluster: ApiServer, genaiops: Type, tmp_path: Path
) -> None:
    cluster.put(cluster_given.prompt(production="v1"))

    printed = merging(genaiops, tmp_path)

    spec = yaml.safe_load(printed.out)["spec"]
    assert [version["name"] for version in spec["versions"]] == ["v1", "v2", "v3"]
    assert spec["versions"][0] == cluster_given.V1, "with its default, which the file has no word of"
    assert spec["labels"] == {"production": "v1", "new": "v3"}
    assert "the label production stays at v1, the file has it at v3: move it when it may be used" in printed.err


def test_a_version_that_says_something_else_is_refused_with_the_way_on(
    cluster: ApiServer, genaiops: Type, tmp_path: Path
) -> None:
    cluster.put(cluster_given.prompt())

    refused = merging(genaiops, tmp_path, prompt="Other words")
    assert (refused.code, refused.out) == (1, "")
    assert "Prompt 'support' has v2 with another text, and a version can't change" in refused.err
    assert "--prefix imported-v" in refused.err

    beside = merging(genaiops, tmp_path, "--prefix", "imported-v", prompt="Other words")
    names = [version["name"] for version in yaml.safe_load(beside.out)["spec"]["versions"]]
    assert names == ["v1", "v2", "imported-v1", "imported-v2", "imported-v3"]


# --- out ---------------------------------------------------------------------------------------------------


def test_a_prompt_of_the_cluster_is_exported_and_what_is_lost_is_said(cluster: ApiServer, genaiops: Type) -> None:
    cluster.put(cluster_given.prompt(production="v2"))

    printed = genaiops("prompt", "export", "--to", "langfuse", "support")

    assert printed.code == 0
    assert [(item["version"], item["labels"]) for item in json.loads(printed.out)] == [
        (1, []),
        (2, ["production", "latest"]),
    ]
    assert printed.err.splitlines() == [
        "note: versions[0].variables[0].default: langfuse has no place for it",
        "note: versions[1].variables[0].default: langfuse has no place for it",
    ]


def test_statements_are_told_where_only_names_are_filled_in(offline: Type, tmp_path: Path) -> None:
    said = "{% if x %}yes{% endif %}{{ x | upper }}"
    version = {"name": "v1", "variables": [{"name": "x"}], "messages": [{"role": "system", "content": said}]}
    manifest = {"apiVersion": "genaiops.dev/v1alpha1", "kind": "Prompt", "metadata": {"name": "p"}}
    (tmp_path / "p.yaml").write_text(yaml.safe_dump({**manifest, "spec": {"versions": [version]}}))

    told = {tool: offline("prompt", "export", "--to", tool, "-f", str(tmp_path / "p.yaml")).err for tool in TOOLS}

    assert "note: versions[0].messages[0].content: reads back as" in told["langfuse"]
    assert (told["mlflow"], told["promptfoo"]) == ("", "")


def test_an_export_is_written_where_it_is_wanted(offline: Type, tmp_path: Path) -> None:
    (tmp_path / "f").write_text(json.dumps(LANGFUSE))
    manifest, out = str(tmp_path / "p.yaml"), tmp_path / "out.json"
    assert offline("prompt", "import", "--from", "langfuse", str(tmp_path / "f"), "-o", manifest).out == ""

    assert offline("prompt", "export", "--to", "langfuse", "-f", manifest, "-o", str(out)).err == ""

    [first, second] = json.loads(out.read_text())
    assert second == {key: value for key, value in {**LANGFUSE[0], "type": "chat"}.items() if key != "id"} | {
        "prompt": [{key: value for key, value in said.items() if key != "type"} for said in LANGFUSE[0]["prompt"]]
    }
    assert first["prompt"] == [{"role": "system", "content": "As a {{level}} critic"}]


@pytest.mark.parametrize("arguments", [[], ["support", "-f", "x"]])
def test_one_prompt_is_exported(offline: Type, arguments: list[str]) -> None:
    printed = offline("prompt", "export", "--to", "mlflow", *arguments)

    assert printed.code == 2
    assert "name a Prompt, or a manifest with -f" in printed.err


# --- there and back ----------------------------------------------------------------------------------------

_PIECES = ["Hi", " ", "\n", "{", "}", "}}", "{{ name }}", "{{x1}}", "{%", "{#", "ß", "'", '"', "%}", ": "]
_PLACES = {"langfuse": FIRST_BRACES, "mlflow": AROUND_A_NAME, "promptfoo": AROUND_A_NAME}
_PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.sampled_from(["0", "0.2", "1.5"]),
        "topP": st.sampled_from(["0.5", "1"]),
        "maxTokens": st.integers(1, 4096),
        "seed": st.integers(0, 9),
        "stop": st.lists(st.sampled_from(["\n", "END"]), min_size=1, max_size=2),
        "presencePenalty": st.sampled_from(["-1", "0.5"]),
    },
)
_FORMATS = st.sampled_from(
    [{"type": "text"}, {"type": "json_object"}, {"type": "json_schema", "schema": {"type": "object"}, "name": "a"}]
)


@st.composite
def prompts(draw: st.DrawFn, tool: Tool) -> PromptSpec:
    """A Prompt with everything that the tool's file has a place for."""
    texts = st.lists(st.sampled_from(_PIECES), min_size=1, max_size=12).map("".join)
    templates = texts.map(lambda text: to_jinja(text, _PLACES[tool]))
    words = templates.filter(lambda template: not template.renamed).map(lambda template: template.text)
    versions = []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        roles = draw(st.lists(st.sampled_from(["system", "user", "assistant"]), min_size=1, max_size=3))
        messages = [{"role": role, "content": draw(words)} for role in roles]
        declared = variables([message["content"] for message in messages])
        version: dict[str, Any] = {"name": f"v{number}", "messages": messages, "variables": declared}
        if tool == "promptfoo":
            for variable in declared:
                variable["default"] = "some"
        elif draw(st.booleans()):
            version["description"] = "why"
        if parameters := draw(_PARAMETERS):
            version["parameters"] = parameters
        if draw(st.booleans()):
            version["responseFormat"] = draw(_FORMATS)
        versions.append(version)
    labels = {"production": "v1"} if tool != "promptfoo" and draw(st.booleans()) else {}
    return PromptSpec.model_validate({"labels": labels, "versions": versions})


@pytest.mark.parametrize("tool", TOOLS)
@given(data=st.data())
def test_what_a_tool_s_file_holds_comes_back_as_it_was(tool: Tool, data: st.DataObject) -> None:
    spec = data.draw(prompts(tool))

    text = transfer.as_text(tool, "p", spec)
    back = transfer.read_file(tool, "f", text, None, None, "p")

    assert transfer.specification(back) == spec
    assert transfer.losses(tool, "p", spec) == []


@pytest.mark.parametrize("places", [FIRST_BRACES, AROUND_A_NAME])
@given(text=st.text(alphabet="{}%# '\"ab\n", max_size=30))
def test_any_text_says_the_same_in_jinja_and_comes_back(places: "re.Pattern[str]", text: str) -> None:
    template = to_jinja(text, places)
    assume(not template.renamed)

    declared = variables([template.text])
    messages = [{"role": "system", "content": template.text or "-"}]
    content = PromptContent.model_validate({"messages": messages, "variables": declared})
    [said] = PromptTemplate(content).render({variable["name"]: "V" for variable in declared})

    filled = places.sub(lambda place: "V" if place[1].isalpha() else place[0], text)
    assert said["content"] == (filled or "-")
    assert from_jinja(template.text, lambda _: None) == text


@pytest.mark.parametrize("name", ["if", "none", "true", "loop", "user.name", "1st", "-", "naïve"])
def test_a_name_that_jinja_reads_otherwise_is_changed(name: str) -> None:
    template = to_jinja(f"Hi {{{{{name}}}}}", FIRST_BRACES)

    [variable] = variables([template.text])
    assert template.renamed == {name: variable["name"]}
