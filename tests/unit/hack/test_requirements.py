"""What pyproject.toml asks for is pinned, where it is installed."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def wanted(extra: str) -> set[str]:
    """The names that an extra asks for, with those of the project's extras that it includes."""
    names = set()
    for requirement in PROJECT["optional-dependencies"][extra]:
        if included := re.fullmatch(r"genaiops\[(.+)\]", requirement):
            names |= set().union(*map(wanted, included[1].split(",")))
        else:
            names.add(name_of(requirement))
    return names


def pinned(*files: str) -> set[str]:
    text = "".join((ROOT / "requirements" / f"{file}.txt").read_text() for file in files)
    return {name_of(pin) for pin in re.findall(r"^\S+==", text, re.MULTILINE)}


def name_of(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement)[0].lower().replace("_", "-")


@pytest.mark.parametrize(
    ("extra", "files"),
    [
        ("operator", ["common", "operator"]),
        ("runtime", ["common", "runtime"]),
        ("evaluator", ["common", "runtime", "evaluator"]),
        ("gateway", ["gateway"]),
        ("presidio", ["common", "presidio"]),
        ("demo", ["dev"]),
        ("cli", ["dev"]),
        ("dev", ["dev"]),
    ],
)
def test_every_dependency_is_pinned_where_it_is_installed(extra: str, files: list[str]) -> None:
    project_wide = {name_of(requirement) for requirement in PROJECT["dependencies"]} if extra != "gateway" else set()
    missing = (wanted(extra) | project_wide) - pinned(*files)
    assert not missing, f"run `make requirements`: {missing}"


def test_images_get_the_versions_that_were_tested() -> None:
    pins = {
        file: set(re.findall(r"^\S+==\S+", (ROOT / "requirements" / f"{file}.txt").read_text(), re.MULTILINE))
        for file in ("dev", "common", "operator", "runtime", "evaluator", "gateway", "presidio")
    }
    tested = pins.pop("dev")
    for file, in_image in pins.items():
        assert in_image <= tested, file
