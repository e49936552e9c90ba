"""Debian's packages: installed ones, and ones that are only unpacked into the cache."""

import os
import shutil
from pathlib import Path

from . import cache, host, mounts
from .console import step
from .problem import Problem
from .shell import answer, run, succeeds

_SUITE = "bookworm"
# Nothing in a container reads them.
_WASTE = ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale")


def require(packages: dict[str, str], purpose: str) -> None:
    """Install the packages whose marker (a command or a file) is missing.

    `packages` maps a package's name to a command or an absolute path that it brings.
    """
    missing = [package for package, marker in packages.items() if not _present(marker)]
    if not missing:
        return
    names = " ".join(missing)
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise Problem(
            f"{purpose} needs what these Debian packages bring: {names}",
            f"install them (as root: apt-get install {names}), or run this as root on Debian 12",
        )
    with step(f"Installing {names} for {purpose}"):
        refresh_lists()
        run(
            ["apt-get", "install", "--yes", "--no-install-recommends", *missing],
            env={"DEBIAN_FRONTEND": "noninteractive"},
        )


def _present(marker: str) -> bool:
    if marker.startswith("/"):
        return Path(marker).exists()
    # An ordinary user's PATH has no sbin folders, where iptables and debootstrap are.
    return shutil.which(marker, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is not None


def refresh_lists() -> None:
    """Without lists apt knows no package. One source that can't be reached must not spoil the others."""
    if not succeeds(["apt-get", "update"]) and not succeeds(["apt-cache", "show", "debootstrap"]):
        raise Problem("apt-get update fails and there are no package lists", "check this machine's apt sources")


def unpack(packages: list[str], into: Path) -> None:
    """Unpack packages into a folder without installing them: no service starts, nothing changes on the host."""
    into.mkdir(parents=True, exist_ok=True)
    downloads = into / "debs"
    shutil.rmtree(downloads, ignore_errors=True)
    downloads.mkdir()
    # apt drops privileges to `_apt` for downloads where that user can write; in a private folder it only warns.
    run(["apt-get", "download", "-o", "APT::Sandbox::User=root", *packages], cwd=downloads)
    for archive in sorted(downloads.glob("*.deb")):
        run(["dpkg-deb", "--extract", archive, into])
    shutil.rmtree(downloads)


def root_file_system(name: str, packages: list[str]) -> Path:
    """A tar of a minimal Debian 12 with these packages, made once from this machine's own mirror."""
    archive = cache.root() / "debian" / f"{name}-{cache.key(_SUITE, *packages)}.tar"
    if archive.exists():
        return archive
    host.require_linux_root("making a Debian root file system")
    with cache.lock(f"debian-{name}"):
        if not archive.exists():
            require({"debootstrap": "debootstrap"}, "making a Debian root file system")
            cache.require_free_space(3, "a Debian root file system")
            refresh_lists()
            with cache.complete_or_absent(archive) as unfinished:
                _bootstrap(unfinished, packages)
            cache.keep_newest(archive.parent, f"{name}-*", archive)
    return archive


def _bootstrap(archive: Path, packages: list[str]) -> None:
    folder = archive.with_suffix(".rootfs.unfinished")
    if folder.exists():
        # An interrupted debootstrap can leave /proc and /sys mounted in there.
        mounts.unmount_below(folder)
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    with step(f"Bootstrapping a Debian with {len(packages)} packages") as progress:

        def show(line: str) -> None:
            # "I: Unpacking libc6..."
            progress.detail = line.removeprefix("I: ").rstrip(".").lower()

        run(
            ["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", _SUITE, folder, mirror()],
            env=_proxy(),
            each_line=show,
        )
        progress.detail = ""
        for waste in (
            "var/cache/apt/archives",
            "var/lib/apt/lists",
            "usr/share/doc",
            "usr/share/man",
            "usr/share/locale",
        ):
            shutil.rmtree(folder / waste)
            (folder / waste).mkdir()
        run(["tar", "--create", "--numeric-owner", "--xattrs", "--file", archive, "--directory", folder, "."])
    shutil.rmtree(folder)


def _proxy() -> dict[str, str]:
    """The proxy that apt is configured with: debootstrap reads it from the environment only."""
    proxy = answer(["apt-config", "--format", "%v%n", "dump", "Acquire::http::Proxy"])
    return {"http_proxy": proxy} if proxy else {}


def mirror() -> str:
    """The address that this machine's own apt configuration uses for Debian itself (not for security updates)."""
    for line in answer(["apt-cache", "policy"]).splitlines():
        words = line.split()
        if len(words) >= 3 and words[1].startswith("http") and words[2] == f"{_SUITE}/main":
            return words[1]
    raise Problem(
        "this machine's apt sources name no web mirror with Debian 12 (bookworm)",
        "add one to /etc/apt/sources.list.d and run apt-get update",
    )
