"""Images that need no registry: made of what the machine has."""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path

import docker

BUSYBOX = "hopwatch-test/busybox:1"


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
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.add(Path(program).resolve(), "bin/busybox")
        for name in ("sh", "wget", "httpd", "sleep"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    api.import_image_from_data(packed.getvalue(), *BUSYBOX.split(":"))
    return BUSYBOX
