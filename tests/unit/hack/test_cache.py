"""What is expensive is made once, and never half."""

import os
from pathlib import Path

import pytest
from localkind import cache


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GENAIOPS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_key_changes_with_content_and_name_but_not_with_leftovers(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.py").write_text("one")
    key = cache.key(source)

    # Python's and an editor's leftovers
    (source / "__pycache__").mkdir()
    (source / "__pycache__" / "a.pyc").write_text("bytecode")
    (source / "a.py~").write_text("older")
    assert cache.key(source) == key

    (source / "a.py").rename(source / "b.py")
    renamed = cache.key(source)
    (source / "b.py").write_text("two")
    assert len({key, renamed, cache.key(source)}) == 3


def test_a_key_tells_where_one_part_ends_and_the_next_begins() -> None:
    assert cache.key("ab", "c") != cache.key("a", "bc")


def test_a_script_that_becomes_executable_is_another_content(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh")
    key = cache.key(script)
    script.chmod(0o755)
    assert cache.key(script) != key


def test_an_interrupted_run_leaves_no_entry_and_the_next_one_goes_on_from_it(cache_folder: Path) -> None:
    entry = cache_folder / "things" / "key"

    def interrupted() -> None:
        with cache.complete_or_absent(entry) as unfinished:
            unfinished.mkdir()
            (unfinished / "first").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not entry.exists()

    with cache.complete_or_absent(entry) as unfinished:
        assert (unfinished / "first").exists()
    assert entry.exists()


def test_replaced_entries_go_but_the_current_one_and_the_one_before_stay(cache_folder: Path) -> None:
    cache_folder.mkdir()
    for name in ("node-1.tar", "node-2.tar", "node-3.tar", "base-1.tar"):
        (cache_folder / name).touch()
    for age, name in enumerate(("node-3.tar", "node-2.tar", "node-1.tar")):
        os.utime(cache_folder / name, (1000 - age, 1000 - age))

    cache.keep_newest(cache_folder, "node-*.tar", cache_folder / "node-3.tar")

    assert sorted(path.name for path in cache_folder.iterdir()) == ["base-1.tar", "node-2.tar", "node-3.tar"]


def test_a_full_disk_is_said_before_the_work_begins() -> None:
    with pytest.raises(Exception, match="needs about 1000000 GB") as said:
        cache.require_free_space(1_000_000, "making everything")
    assert "GENAIOPS_CACHE" in str(said.value)
