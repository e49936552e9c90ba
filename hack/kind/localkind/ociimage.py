"""Container images made from files alone: an OCI image layout in a tar, as `ctr images import` reads it."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# The images are unpacked minutes later: a stronger compression costs more time than it saves.
_COMPRESSION = 1


@dataclass
class Image:
    """A name, and what is in the one layer. Paths in the image are without the leading slash."""

    name: str
    entrypoint: str
    files: dict[str, Path] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    folders: Sequence[str] = ("etc", "run", "var")


@dataclass(frozen=True)
class _Blob:
    """Content named by its hash, in a file."""

    file: Path
    digest: str

    def descriptor(self, media_type: str) -> dict[str, object]:
        return {"mediaType": media_type, "digest": f"sha256:{self.digest}", "size": self.file.stat().st_size}


def write_archive(images: Sequence[Image], archive: Path, work: Path, architecture: str) -> None:
    """Write all images into one archive, using a folder for their parts."""
    work.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor() as pool:  # compression lets go of the interpreter's lock
        parts = list(pool.map(lambda image: _write(image, work, architecture), images))
    index = {"schemaVersion": 2, "manifests": [manifest for _, manifest in parts]}
    with tarfile.open(archive, "w") as tar:
        _add_bytes(tar, "oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}).encode())
        _add_bytes(tar, "index.json", json.dumps(index).encode())
        blobs = {blob.digest: blob for image_blobs, _ in parts for blob in image_blobs}
        for digest, blob in blobs.items():
            tar.add(blob.file, f"blobs/sha256/{digest}")


def _write(image: Image, work: Path, architecture: str) -> tuple[list[_Blob], dict[str, object]]:
    """The image's blobs, and its manifest's entry for the index."""
    layer, uncompressed = _layer(image, work)
    config = _json_blob(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Entrypoint": [image.entrypoint], "WorkingDir": "/", "Env": [f"PATH={_PATH}"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{uncompressed}"]},
        },
        work,
    )
    manifest = _json_blob(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config.descriptor("application/vnd.oci.image.config.v1+json"),
            "layers": [layer.descriptor("application/vnd.oci.image.layer.v1.tar+gzip")],
        },
        work,
    )
    entry = manifest.descriptor("application/vnd.oci.image.manifest.v1+json")
    entry["annotations"] = {"io.containerd.image.name": image.name}
    entry["platform"] = {"os": "linux", "architecture": architecture}
    return [layer, config, manifest], entry


def _layer(image: Image, work: Path) -> tuple[_Blob, str]:
    """The compressed layer, and the hash of it uncompressed (its diff id)."""
    file = work / (hashlib.sha256(image.name.encode()).hexdigest() + ".layer")
    with file.open("wb") as raw:
        compressed = _Hashing(raw)
        with gzip.GzipFile(fileobj=compressed, mode="wb", compresslevel=_COMPRESSION, mtime=0) as zipped:
            uncompressed = _Hashing(zipped)
            with tarfile.open(fileobj=uncompressed, mode="w|") as tar:
                _fill(tar, image)
    return _Blob(file, compressed.hash.hexdigest()), uncompressed.hash.hexdigest()


def _fill(tar: tarfile.TarFile, image: Image) -> None:
    wanted = {*image.files, *image.links, *(f"{folder}/." for folder in image.folders)}
    parents = {str(parent) for path in wanted for parent in PurePosixPath(path).parents} - {"."}
    # Something that a link replaces (/lib -> usr/lib) is not also a folder.
    for folder in sorted({*parents, *image.folders} - set(image.links)):
        _add_folder(tar, folder, 0o755)
    _add_folder(tar, "tmp", 0o1777)
    for path, target in sorted(image.links.items()):
        link = tarfile.TarInfo(path)
        link.type = tarfile.SYMTYPE
        link.linkname = target
        tar.addfile(link)
    for path, source in sorted(image.files.items()):
        member = tarfile.TarInfo(path)
        member.mode = 0o755
        member.size = source.stat().st_size
        with source.open("rb") as content:
            tar.addfile(member, content)


def _add_folder(tar: tarfile.TarFile, path: str, mode: int) -> None:
    folder = tarfile.TarInfo(path)
    folder.type = tarfile.DIRTYPE
    folder.mode = mode
    tar.addfile(folder)


def _add_bytes(tar: tarfile.TarFile, path: str, content: bytes) -> None:
    member = tarfile.TarInfo(path)
    member.mode = 0o644
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _json_blob(content: dict[str, object], work: Path) -> _Blob:
    encoded = json.dumps(content, sort_keys=True).encode()
    digest = hashlib.sha256(encoded).hexdigest()
    file = work / digest
    file.write_bytes(encoded)
    return _Blob(file, digest)


class _Hashing(io.RawIOBase):
    """Passes on what is written, and hashes it on the way."""

    def __init__(self, target: BinaryIO | gzip.GzipFile) -> None:
        self._target = target
        self.hash = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, content: bytes) -> int:  # type: ignore[override]
        self.hash.update(content)
        self._target.write(content)
        return len(content)
