"""What a node image is made of."""

import hashlib
import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest
from localkind import golang, toolset
from localkind.ociimage import Image, write_archive


@pytest.fixture
def archive(tmp_path: Path) -> tarfile.TarFile:
    program = tmp_path / "program"
    program.write_text("machine code")
    image = Image("example/app:v1", "/usr/bin/app", {"usr/bin/app": program}, {"bin": "usr/bin"})
    write_archive([image], tmp_path / "images.tar", tmp_path / "work", "amd64")
    return tarfile.open(tmp_path / "images.tar")


def blob(archive: tarfile.TarFile, digest: str) -> bytes:
    file = archive.extractfile("blobs/" + digest.replace(":", "/"))
    assert file is not None
    content = file.read()
    assert "sha256:" + hashlib.sha256(content).hexdigest() == digest
    return content


def test_an_image_from_files_holds_together_by_hashes(archive: tarfile.TarFile) -> None:
    index_file = archive.extractfile("index.json")
    assert index_file is not None
    entry = json.load(index_file)["manifests"][0]
    assert entry["annotations"]["io.containerd.image.name"] == "example/app:v1"

    manifest = json.loads(blob(archive, entry["digest"]))
    config = json.loads(blob(archive, manifest["config"]["digest"]))
    assert config["config"]["Entrypoint"] == ["/usr/bin/app"]

    compressed = blob(archive, manifest["layers"][0]["digest"])
    layer = subprocess.run(["gzip", "-dc"], input=compressed, capture_output=True, check=True).stdout
    assert config["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(layer).hexdigest()]

    with tarfile.open(fileobj=io.BytesIO(layer)) as files:
        assert files.getmember("usr/bin/app").mode == 0o755
        assert files.getmember("bin").linkname == "usr/bin"
        assert files.getmember("tmp").mode == 0o1777


def test_kubernetes_programs_are_told_their_version() -> None:
    assert "version.gitVersion=v1.34.4" in toolset.link_flags("v1.34.4")
    assert "version.gitMinor=34" in toolset.link_flags("v1.34.4")


def test_a_go_that_is_too_old_for_go_mod_is_recognized() -> None:
    assert golang.parse("go1.19.8") < golang.parse("1.25.0") < golang.parse("go1.26.8")
