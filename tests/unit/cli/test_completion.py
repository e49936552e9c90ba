"""What kubectl is told to offer, in cobra's form."""

from pathlib import Path

import pytest

from cli import given
from cli.apiserver import ApiServer
from genaiops.cli.commands import cli
from genaiops.cli.completion import complete

NO_FILES, FILES = ":4\n", ":0\n"


@pytest.fixture
def at_the_cluster(cluster: ApiServer, tmp_path: Path) -> list[str]:
    return ["--kubeconfig", str(cluster.kubeconfig(tmp_path))]


def test_commands_come_with_what_they_do() -> None:
    assert complete(cli, ["prom"]) == (
        "promote\tLet a rollout go on past its present step.\nprompt\tExchange prompts with other tools.\n:4\n"
    )
    assert complete(cli, []).count("\n") == 21


def test_choices_and_options() -> None:
    assert complete(cli, ["wait", "x", "--for", "p"]) == "promoted\npaused\n" + NO_FILES
    assert complete(cli, ["status", "x", "--wat"]).startswith("--watch\t")


def test_names_come_from_the_cluster(at_the_cluster: list[str]) -> None:
    assert complete(cli, ["status", *at_the_cluster, ""]) == "support\n" + NO_FILES
    assert complete(cli, [*at_the_cluster, "diff", "support-a"]) == "support-aaaaaaaaaa\n" + NO_FILES


def test_releases_are_those_of_the_app(cluster: ApiServer, at_the_cluster: list[str]) -> None:
    other = given.release("shop-cccccccccc", given.V1)
    cluster.put({**other, "metadata": {**other["metadata"], "labels": {"genaiops.dev/app": "shop"}}})
    releases = "support-aaaaaaaaaa\tprompt v1\nsupport-bbbbbbbbbb\tprompt v2\n" + NO_FILES

    assert complete(cli, ["undo", *at_the_cluster, "support", "--to", ""]) == releases
    assert complete(cli, ["restart", *at_the_cluster, "support", ""]) == releases


def test_files_are_left_to_the_shell() -> None:
    assert complete(cli, ["lint", ""]) == FILES


def test_without_a_cluster_it_says_why_below_the_line() -> None:
    told = complete(cli, ["status", "--kubeconfig", "/does/not/exist", ""])

    assert told.startswith("_activeHelp_ there is no kubeconfig at /does/not/exist")
    assert told.endswith(NO_FILES)
