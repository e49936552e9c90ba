"""Where things that are expensive to make are kept, outside the checkout.

An entry's folder or file is named by a key computed from everything that decides its content, and it
appears under that name only when it is complete (made beside it, then renamed). So an entry that exists is right,
and an interrupted run leaves nothing that looks finished.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .console import say
from .problem import Problem


def root() -> Path:
    """GENAIOPS_CACHE, else the user's cache folder."""
    if chosen := os.environ.get("GENAIOPS_CACHE"):
        return Path(chosen).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "genaiops"


def key(*parts: str | bytes | Path) -> str:
    """12 hex digits naming this content. A Path counts with the bytes of the file, or of all files below it.

    Every part is preceded by its length, so that moving a byte from one part to the next changes the key.
    """
    digest = hashlib.sha256()
    for part in parts:
        for piece in _pieces(part):
            digest.update(len(piece).to_bytes(8, "big"))
            digest.update(piece)
    return digest.hexdigest()[:12]


def _pieces(part: str | bytes | Path) -> Iterator[bytes]:
    if isinstance(part, str):
        yield part.encode()
    elif isinstance(part, bytes):
        yield part
    elif part.is_dir():
        for file in source_files(part):
            yield file.relative_to(part).as_posix().encode()
            yield from _file_pieces(file)
    else:
        yield from _file_pieces(part)


def _file_pieces(file: Path) -> Iterator[bytes]:
    """A file's content and whether it is executable: both reach an image."""
    yield file.read_bytes()
    yield b"x" if os.access(file, os.X_OK) else b"-"


def source_files(folder: Path) -> list[Path]:
    """The files below a folder in a fixed order, without what Python and editors leave there."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.endswith((".pyc", "~", ".swp"))
    )


@contextmanager
def lock(name: str) -> Iterator[None]:
    """One holder at a time on this machine; says so when it has to wait. The kernel frees it if we die."""
    folder = root() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            say(f"  … waiting for another run (process {holder}) that works on: {name}")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextmanager
def complete_or_absent(entry: Path) -> Iterator[Path]:
    """Give a path to make the entry at; when the block ends well, it becomes `entry`, else nothing does.

    The path is the same at every try, so a block may find and use what an interrupted one left. It is for
    callers that hold the entry's lock.
    """
    entry.parent.mkdir(parents=True, exist_ok=True)
    unfinished = entry.with_name(entry.name + ".unfinished")
    yield unfinished
    unfinished.rename(entry)


def keep_newest(folder: Path, pattern: str, current: Path, count: int = 2) -> None:
    """Drop entries that newer ones replaced, keeping `count` for going back and forth between branches."""
    entries = [path for path in folder.glob(pattern) if not path.name.endswith(".unfinished")]
    entries.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for old in [path for path in entries if path != current][count - 1 :]:
        if old.is_dir():
            shutil.rmtree(old)
        else:
            old.unlink()


def require_free_space(gigabytes: float, purpose: str) -> None:
    """Stop before a long step that would fill the disk."""
    folder = root()
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free / 1e9
    if free < gigabytes:
        raise Problem(
            f"{purpose} needs about {gigabytes:.0f} GB of free space in {folder}; there are {free:.1f} GB",
            "free some, or set GENAIOPS_CACHE to a folder on a larger disk",
        )


def remove() -> None:
    """Remove the cache. Only folders that this program makes: GENAIOPS_CACHE may name one with other things in it."""
    for name in (
        "clusters",
        "debian",
        "engine",
        "gateway-api",
        "locks",
        "node-image",
        "programs",
        "tools",
        "tools-work",
        "venvs",
    ):
        folder = root() / name
        if folder.exists():
            say(f"removing {folder}")
            shutil.rmtree(folder)
