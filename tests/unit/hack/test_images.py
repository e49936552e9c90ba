"""An image gets a new tag when something that goes into it changes, and only then."""

from pathlib import Path

import pytest
from localkind import dockerfile, images

DOCKERFILE = """\
FROM ${BASE_IMAGE} AS packages
COPY one.txt .
RUN install one.txt

FROM ${BASE_IMAGE} AS one
COPY --from=packages /packages /opt
COPY one /app

FROM ${BASE_IMAGE} AS two
COPY --chmod=755 two \\
     /app
"""


@pytest.fixture
def context(tmp_path: Path) -> Path:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "main.py").write_text(folder)
    (tmp_path / "one.txt").write_text("package==1")
    return tmp_path


def keys(context: Path, text: str = DOCKERFILE, base: str = "base:1") -> tuple[str, str]:
    stages = dockerfile.parse(text)
    return tuple(dockerfile.target_key(stages, target, context, base) for target in ("one", "two"))  # type: ignore[return-value]


def test_a_change_of_code_concerns_the_image_that_has_it(context: Path) -> None:
    one, two = keys(context)
    (context / "two" / "main.py").write_text("changed")
    assert keys(context)[0] == one
    assert keys(context)[1] != two


def test_a_change_in_a_stage_that_is_copied_from_concerns_the_copying_image(context: Path) -> None:
    one, two = keys(context)
    (context / "one.txt").write_text("package==2")
    assert keys(context)[0] != one
    assert keys(context)[1] == two


def test_another_base_or_instruction_is_another_image(context: Path) -> None:
    one, two = keys(context)
    assert not {one, two} & set(keys(context, base="base:2"))
    assert keys(context, DOCKERFILE.replace("RUN install", "RUN install --quietly")) != (one, two)


def test_the_projects_dockerfile_has_the_targets_and_all_they_copy() -> None:
    stages = dockerfile.parse((images.REPOSITORY / "Dockerfile").read_text())
    for target in [*images.TARGETS, *images.OPTIONAL]:
        assert dockerfile.target_key(stages, target, images.REPOSITORY, "base")


def test_pip_in_a_build_finds_packages_as_pip_here_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = https://packages.example/simple\ncert = /only/here.pem\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    monkeypatch.setenv("PIP_FIND_LINKS", "/only/here")
    monkeypatch.delenv("PIP_INDEX_URL", raising=False)
    settings = images.pip_settings()
    assert settings["PIP_INDEX_URL"] == "https://packages.example/simple"
    assert not {"PIP_CERT", "PIP_FIND_LINKS"} & set(settings)
