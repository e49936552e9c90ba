"""kind's node image without a registry: what `kindest/node` has, made from Debian's packages and our own binaries.

A Debian root file system, kind's own files for its base image (from kind's Go module), the Kubernetes programs,
and in the node's image store the control plane's images, made here under the names that kubeadm asks for.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import cache, debian, process, programs, toolset
from .console import step
from .engine import Engine
from .ociimage import Image, write_archive
from .problem import Problem
from .shell import answer, run, succeeds

_FILES = Path(__file__).parent.parent / "node"
_PACKAGES = [
    "systemd",
    "systemd-sysv",
    "dbus",
    "kmod",
    "mount",
    "util-linux",
    "procps",
    "hostname",
    "bash",
    "ca-certificates",
    "curl",
    "jq",
    "pigz",
    "conntrack",
    "iptables",
    "nftables",
    "iproute2",
    "ethtool",
    "socat",
    "libseccomp2",
    "containerd",
    "runc",
    "containernetworking-plugins",
]
# Every change of how this module makes the image needs another number here: its own text is no part of the key.
_RECIPE = "1"
_STORE = "var/lib/containerd"


def ensure(engine: Engine) -> str:
    """The name of the node image, present in the engine."""
    name = f"localhost/genaiops/node:{cache_key()}"
    if not succeeds(["docker", "image", "inspect", name], env=engine.environment()):
        archive = _ensure_archive(engine)
        with cache.lock("node-image"), step("Loading the node image into the Docker engine"):
            _import(archive, name, engine)
    return name


def cache_key() -> str:
    return cache.key(_RECIPE, toolset.cache_key(), programs.cache_key(), _FILES, *_PACKAGES)


def _ensure_archive(engine: Engine) -> Path:
    archive = cache.root() / "node-image" / f"{cache_key()}.tar"
    if not archive.exists():
        tools = toolset.ensure()
        with cache.lock("node-image"):
            if not archive.exists():
                cache.require_free_space(5, "making the node image")
                system = debian.root_file_system("node", _PACKAGES)
                with cache.complete_or_absent(archive) as unfinished:
                    _make(unfinished, system, tools, engine)
                cache.keep_newest(archive.parent, "*.tar", archive, count=1)
    return archive


def _make(archive: Path, system: Path, tools: Path, engine: Engine) -> None:
    work = archive.parent / "work.unfinished"
    shutil.rmtree(work, ignore_errors=True)
    root = work / "root"
    root.mkdir(parents=True)
    with step("Making the node image") as progress:
        progress.detail = "files"
        run(["tar", "--extract", "--numeric-owner", "--xattrs", "--file", system, "--directory", root])
        version = toolset.kubernetes_version()
        names = answer([tools / "kubeadm", "config", "images", "list", "--kubernetes-version", version]).split()
        _add_kind_files(root, tools.parent / "kind-base")
        _adapt_containerd(root, pause=_named(names, "pause"), engine=engine)
        _add_kubernetes(root, tools, version)
        _set_up_systemd(root)
        progress.detail = "control plane images"
        images = work / "images.tar"
        write_archive(
            control_plane_images(names, tools, programs.ensure(), root), images, work / "blobs", _architecture()
        )
        progress.detail = "the node's image store"
        _fill_store(root / _STORE, images, work, engine)
        progress.detail = "archive"
        run(["tar", "--create", "--numeric-owner", "--xattrs", "--file", archive, "--directory", root, "."])
    shutil.rmtree(work)


def _add_kind_files(root: Path, kind_base: Path) -> None:
    for folder in ("etc", "kind", "usr"):
        shutil.copytree(kind_base / folder, root / folder, dirs_exist_ok=True)
    for script in [*(root / "usr/local/bin").iterdir(), *(root / "kind/bin").iterdir()]:
        script.chmod(0o755)


def _adapt_containerd(root: Path, pause: str, engine: Engine) -> None:
    """Kind's configuration expects a containerd of kind's own build; this is Debian's, on any host."""
    config = root / "etc/containerd/config.toml"
    text = re.sub(r'sandbox_image = ".*"', f'sandbox_image = "{pause}"', config.read_text())
    # Without CAP_SYS_RESOURCE nobody may lower a score; asking for less protection than allowed is fine everywhere.
    config.write_text(text.replace("restrict_oom_score_adj = false", "restrict_oom_score_adj = true"))
    unit = root / "etc/systemd/system/containerd.service"
    unit.write_text(re.sub(r"^(OOMScoreAdjust|Limit\w+)=.*\n", "", unit.read_text(), flags=re.MULTILINE))
    for program in ("containerd", "ctr", "containerd-shim-runc-v2"):
        (root / "usr/local/bin" / program).symlink_to(f"/usr/bin/{program}")
    (root / "usr/local/sbin/runc").symlink_to("/usr/sbin/runc")
    specification = json.loads(answer([engine.programs / "usr/bin/ctr", "oci", "spec"]))
    specification["hooks"] = {"createContainer": [{"path": "/kind/bin/mount-product-files.sh"}]}
    specification["process"].pop("rlimits", None)
    (root / "etc/containerd/cri-base.json").write_text(json.dumps(specification))
    shutil.copytree(root / "usr/lib/cni", root / "opt/cni/bin", dirs_exist_ok=True)
    (root / "etc/cni/net.d").mkdir(parents=True, exist_ok=True)
    shutil.copy(_FILES / "10-bridge.conflist", root / "etc/cni/net.d")


def _add_kubernetes(root: Path, tools: Path, version: str) -> None:
    for program in ("kubeadm", "kubelet", "kubectl"):
        shutil.copy2(tools / program, root / "usr/bin")
    (root / "etc/kubernetes/manifests").mkdir(parents=True)
    (root / "kind/version").write_text(version)
    (root / "kind/manifests").mkdir()
    for manifest in ("default-cni.yaml", "default-storage.yaml"):
        shutil.copy(_FILES / manifest, root / "kind/manifests")


def _set_up_systemd(root: Path) -> None:
    """Start nothing that is of no use in a container, and the three services that make a node."""
    system = root / "lib/systemd/system"
    unwanted = [
        *system.glob("multi-user.target.wants/*"),
        *system.glob("local-fs.target.wants/*"),
        *system.glob("basic.target.wants/*"),
        *system.glob("sockets.target.wants/*udev*"),
        *system.glob("sockets.target.wants/*initctl*"),
        *system.glob("sysinit.target.wants/systemd-tmpfiles-setup.service"),
        *(root / "etc/systemd/system").glob("*.wants/*"),
    ]
    for link in unwanted:
        link.unlink()
    with (root / "etc/systemd/journald.conf").open("a") as config:
        config.write("ReadKMsg=no\n")
    run(["chroot", root, "systemctl", "enable", "containerd", "kubelet", "undo-mount-hacks"])
    run(["chroot", root, "systemctl", "mask", "systemd-binfmt"])


def control_plane_images(names: list[str], tools: Path, own: Path, root: Path) -> list[Image]:
    """The images that kubeadm asks for, each with one static program; kube-proxy's with iptables beside it."""
    images = []
    for name in names:
        component = name.rsplit(":", 1)[0].rsplit("/", 1)[1]
        if component == "kube-proxy":
            images.append(_proxy_image(name, tools, root))
        elif component in ("coredns", "pause"):
            program = (own if component == "pause" else tools) / component
            images.append(Image(name, f"/{component}", {component: program}))
        else:
            path = f"usr/local/bin/{component}"
            images.append(Image(name, f"/{path}", {path: tools / component}))
    return images


def _proxy_image(name: str, tools: Path, root: Path) -> Image:
    """kube-proxy runs iptables, which loads a library for each kind of rule.

    One that is missing (libm, say) shows only when a Service gets its second endpoint: so all come along.
    """
    libraries = next((root / "usr/lib").glob("*-linux-gnu"))
    place = f"usr/lib/{libraries.name}"
    files = {"usr/local/bin/kube-proxy": tools / "kube-proxy"}
    files["usr/sbin/xtables-nft-multi"] = root / "usr/sbin/xtables-nft-multi"
    for library in ("libxtables.so.12", "libmnl.so.0", "libnftnl.so.11", "libc.so.6", "libm.so.6"):
        files[f"{place}/{library}"] = (libraries / library).resolve()
    loader = next(libraries.glob("ld-linux-*.so.*"))
    # The loader's path is part of every program: /lib64/ on amd64, /lib/ on arm64.
    files[f"{'usr/lib64' if _architecture() == 'amd64' else 'usr/lib'}/{loader.name}"] = loader.resolve()
    links = {folder: f"usr/{folder}" for folder in ("bin", "sbin", "lib", "lib64")}
    for tool in ("iptables", "ip6tables"):
        for suffix in ("", "-save", "-restore"):
            links[f"usr/sbin/{tool}{suffix}"] = "xtables-nft-multi"
    for extension in (libraries / "xtables").iterdir():
        path = f"{place}/xtables/{extension.name}"
        if extension.is_symlink():
            links[path] = str(extension.readlink())
        else:
            files[path] = extension
    folders = ("etc", "run", "usr/bin", "usr/lib64", "var/lib/kube-proxy")
    return Image(name, "/usr/local/bin/kube-proxy", files, links, folders)


def _fill_store(store: Path, images: Path, work: Path, engine: Engine) -> None:
    """Unpack the images where the node's containerd will look for them."""
    with _containerd(store, engine) as ctr:
        run([*ctr, "images", "import", "--all-platforms", "--snapshotter=overlayfs", images])
        for name in answer([*ctr, "images", "list", "--quiet"]).split():
            # Pinned: the kubelet's image garbage collection could never get them back.
            labels = ["io.cri-containerd.pinned=pinned", "io.cri-containerd.image=managed"]
            run([*ctr, "images", "label", name, *labels])


@contextmanager
def _containerd(store: Path, engine: Engine) -> Iterator[list[str]]:
    """A containerd on the given store, for as long as the block runs; gives the start of `ctr` commands."""
    with tempfile.TemporaryDirectory(prefix="containerd-", dir=_run_folder(engine)) as folder:
        socket = f"{folder}/containerd.sock"
        config = Path(folder) / "config.toml"
        config.write_text(
            f'version = 2\nroot = "{store}"\nstate = "{folder}/state"\n'
            'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
            f'[grpc]\naddress = "{socket}"\n'
        )
        ctr = [str(engine.programs / "usr/bin/ctr"), "--address", socket, "--namespace", "k8s.io"]
        with (Path(folder) / "log").open("w") as log:
            daemon = subprocess.Popen(
                [engine.programs / "usr/bin/containerd", "--config", config],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            if not process.wait_until(lambda: succeeds([*ctr, "version"]), 30):
                raise Problem(f"containerd does not start:\n{(Path(folder) / 'log').read_text()[-2000:]}")
            yield ctr
        finally:
            daemon.terminate()
            daemon.wait()


def _run_folder(engine: Engine) -> Path:
    """Below the engine's own: whatever is left there after a crash, the engine's next start ends."""
    engine.run_folder.mkdir(parents=True, exist_ok=True)
    return engine.run_folder


def _import(archive: Path, name: str, engine: Engine) -> None:
    env = engine.environment()
    settings = ["ENV container=docker", 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]']
    changes = [word for setting in settings for word in ("--change", setting)]
    imported = answer(["docker", "import", *changes, archive], env=env)
    # `docker import` does not take the signal that makes systemd shut down, so it is added by a build.
    dockerfile = f"FROM {imported}\nSTOPSIGNAL SIGRTMIN+3\n"
    run(["docker", "build", "--quiet", "--tag", name, "-"], env=env, stdin=dockerfile)


def _named(names: list[str], component: str) -> str:
    return next(name for name in names if f"/{component}:" in name)


def _architecture() -> str:
    """This machine's, in the words of container images."""
    return {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
