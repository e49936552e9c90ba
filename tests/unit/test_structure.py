"""The shape of the source tree: who may import whom, and what must not be there."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "operator"


def lint_imports(config: Path) -> subprocess.CompletedProcess[str]:
    """Check the imports of the tree against the contracts of a configuration."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    options = ["--config", str(config), "--no-cache"]
    return subprocess.run([*command, *options], cwd=SOURCE, capture_output=True, text=True, check=False)


def test_imports_point_downwards_only() -> None:
    checked = lint_imports(ROOT / ".importlinter")

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "0 broken" in checked.stdout


def test_an_import_that_points_upwards_is_found(tmp_path: Path) -> None:
    upside_down = tmp_path / "upside-down.ini"
    upside_down.write_text(
        "[importlinter]\nroot_package = genaiops\n"
        "[importlinter:contract:1]\nname = upside down\ntype = layers\n"
        "layers =\n    genaiops.api\n    genaiops.rollout\n"
    )

    assert lint_imports(upside_down).returncode == 1


def test_the_source_root_hides_no_standard_library_module() -> None:
    """The standard library has a module `operator`: with an __init__.py here, `import operator` could find ours."""
    assert not (SOURCE / "__init__.py").exists()


def test_every_package_belongs_to_a_layer() -> None:
    packages = {path.name for path in (SOURCE / "genaiops").iterdir() if (path / "__init__.py").exists()}
    modules = {path.stem for path in (SOURCE / "genaiops").glob("*.py")} - {"__init__"}
    contracts = (ROOT / ".importlinter").read_text()

    for name in packages | modules:
        assert f"genaiops.{name}" in contracts or f" {name}" in contracts, f"{name} stands in no contract"


@pytest.mark.parametrize("package", ["api", "release", "rollout", "analysis", "manifests"])
def test_the_core_reads_no_clock(package: str) -> None:
    """What decides is handed the time: imports can't tell, `datetime` is a type there, too."""
    for module in (SOURCE / "genaiops" / package).glob("*.py"):
        calls = [node.func for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call)]
        called = {call.attr for call in calls if isinstance(call, ast.Attribute)}
        assert not called & {"now", "utcnow", "today"}, module.name
