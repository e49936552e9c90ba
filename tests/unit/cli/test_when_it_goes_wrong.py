"""One line that says what to do, and no traceback."""

import pytest

from cli.apiserver import ApiServer
from cli.conftest import Type
from genaiops.cli import untrusted

COMMANDS = [
    ("get",),
    ("status", "support"),
    ("history", "support"),
    ("diff", "support"),
    ("render", "support"),
    ("promote", "support"),
    ("approve", "support"),
    ("undo", "support"),
    ("wait", "support", "--for", "healthy"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_cluster_that_does_not_answer(genaiops: Type, command: tuple[str, ...]) -> None:
    printed = genaiops(*command, "--context", "nowhere")

    assert (printed.code, printed.out) == (2, "")
    assert printed.err.startswith("error: can't reach the cluster at http://127.0.0.1:9:")
    assert printed.err.endswith("is the context right (kubectl config current-context)?\n")
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_person_who_may_not(cluster: ApiServer, genaiops: Type, command: tuple[str, ...]) -> None:
    cluster.refuse("llmapps", 403, 'User "me" may not')

    printed = genaiops(*command)

    assert printed.code == 2
    assert printed.err == 'error: User "me" may not; ask for the role view in this namespace\n'


def test_a_cluster_without_the_operator(cluster: ApiServer, genaiops: Type) -> None:
    cluster.refuse("llmapps", 404, "the server could not find the requested resource")

    assert genaiops("get").err == (
        "error: this cluster does not know the kind LLMApp: install the operator first (docs/install.md)\n"
    )


def test_credentials_that_ran_out(cluster: ApiServer, genaiops: Type) -> None:
    cluster.refuse("llmapps", 401, "Unauthorized")

    assert "does not accept your credentials; log in again" in genaiops("get").err


@pytest.mark.parametrize("command", [c for c in COMMANDS if c[0] not in ("get", "render")], ids=lambda c: c[0])
def test_an_app_that_is_not_there(cluster: ApiServer, genaiops: Type, command: tuple[str, ...]) -> None:
    cluster.delete("LLMApp", "support")

    printed = genaiops(*command)

    assert (printed.code, printed.err) == (
        2,
        "error: there is no LLMApp 'support' in namespace 'shop'; `kubectl genaiops get -A` lists the apps there are\n",
    )


def test_no_kubeconfig_and_a_wrong_context(offline: Type, genaiops: Type) -> None:
    nothing = offline("get", "--kubeconfig", "/does/not/exist")
    wrong = genaiops("get", "--context", "other")

    assert nothing.err == (
        "error: there is no kubeconfig at /does/not/exist; name one with --kubeconfig or KUBECONFIG\n"
    )
    assert wrong.code == 2
    assert "other" in wrong.err


def test_wrong_usage(offline: Type) -> None:
    assert offline("statsu").code == 2
    assert offline("status").code == 2
    assert "name an app, or two releases" in offline("diff", "a", "b", "c").err


def test_options_stand_before_or_after_the_command(cluster: ApiServer, genaiops: Type) -> None:
    genaiops("-n", "other", "get")
    genaiops("get", "-n", "another")
    genaiops("-n", "other", "get", "-n", "the-last-wins")

    namespaces = [request.split("/")[5] for request in cluster.requests if "llmapps" in request]
    assert namespaces == ["other", "another", "the-last-wins"]


@pytest.mark.parametrize(
    "unsafe", ["\x1b", "\x07", "\x08", "\r", "\x7f", "\x9b", "\u200b", "\u202e", "\u2066", "\ufeff"]
)
def test_what_a_terminal_obeys_or_hides_is_shown_as_what_it_is(unsafe: str) -> None:
    assert unsafe not in untrusted.block(f"a{unsafe}b")
    assert untrusted.block("a\n\tb → ünïcode 👩‍👩‍👧 مرحبا") == "a\n\tb → ünïcode 👩‍👩‍👧 مرحبا"
    assert untrusted.plain({f"k{unsafe}": [f"{unsafe}\n", 1, None, True]}) == {
        untrusted.one_line(f"k{unsafe}"): [untrusted.one_line(f"{unsafe}\n"), 1, None, True]
    }
