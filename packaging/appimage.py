"""The application for Linux as one file that is started as it is: an AppImage (type 2).

Its file system is squashfs, made by ``mksquashfs``. What stands before it (linux/runtime.c) is compiled here, against
Debian's squashfuse and libfuse 3, so that nothing built elsewhere goes into a release. Where one of these is missing no
AppImage is made, and one line says what to install.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import licences

LINUX = Path(__file__).resolve().parent / "linux"
NEEDED = "squashfs-tools libsquashfuse-dev libfuse3-dev libzstd-dev"  # Debian's packages
STATIC = ("libsquashfuse_ll.a", "libfuse3.a", "libzstd.a")
MARK = b"AI\x02"  # at byte 8: an AppImage of type 2
_INSIDE = Path("usr/lib/mnemoscope")
_TIME = "1735689600"


class NoTool(Exception):
    """An AppImage cannot be made on this machine; says in one line why."""


def make(folder: Path, icon: Path, image: Path) -> Path:
    """Make the AppImage of a finished folder (packaging/package.py build).

    The same folder gives the same bytes with the same compiler and ``mksquashfs``.

    Raises:
        NoTool: when something that it takes is not installed.
    """
    squash = shutil.which("mksquashfs")
    if squash is None:
        raise NoTool("there is no mksquashfs")
    with tempfile.TemporaryDirectory(prefix=".appimage-", dir=image.parent) as work:
        start, root, files = Path(work) / "runtime", Path(work) / "root", Path(work) / "files"
        runtime(start)
        lay_out(folder, icon, root)
        when = os.environ.get("SOURCE_DATE_EPOCH", _TIME)
        compressed = ["-comp", "zstd", "-Xcompression-level", "15", "-b", "256K"]
        anonymous = ["-all-root", "-no-xattrs", "-mkfs-time", when, "-all-time", when]
        # the variable and the options that say the same exclude each other
        environment = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
        command = [squash, str(root), str(files), *compressed, *anonymous, "-noappend", "-quiet", "-no-progress"]
        _call(command, environment)
        with start.open("ab") as whole, files.open("rb") as data:
            shutil.copyfileobj(data, whole, 1 << 20)
        start.chmod(0o755)
        start.replace(image)
    return image


def runtime(out: Path) -> None:
    """Compile what stands before the file system. Raises ``NoTool`` where the compiler or a library is missing."""
    compiler = os.environ.get("CC") or next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), None)
    if compiler is None:
        raise NoTool("there is no C compiler")
    folders = ["-I/usr/include/squashfuse", "-I/usr/include/fuse3"]
    static = ["-Wl,-Bstatic", *(f"-l{name[3:-2]}" for name in STATIC), "-Wl,-Bdynamic", "-lpthread", "-ldl"]
    command = [*compiler.split(), "-O2", *folders, str(LINUX / "runtime.c"), "-o", str(out), *static, "-s"]
    _call(command)
    whole = bytearray(out.read_bytes())
    whole[8 : 8 + len(MARK)] = MARK
    out.write_bytes(whole)
    said = int(subprocess.run([str(out), "--appimage-offset"], capture_output=True, text=True, check=True).stdout)
    if said != len(whole):
        raise NoTool(f"the linker put {len(whole) - said} bytes behind the table of sections")


def _call(command: Sequence[str], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        wrong = next((line for line in done.stderr.splitlines() if "error" in line.lower()), done.stderr.strip()[-200:])
        raise NoTool(f"{Path(command[0]).name}: {wrong}")


def lay_out(folder: Path, icon: Path, root: Path) -> None:
    """The file system's content: the folder, and at its root what desktops and tools for AppImages look for."""
    inside = root / _INSIDE
    shutil.copytree(
        folder, inside, symlinks=True, copy_function=_link, ignore=shutil.ignore_patterns("install.sh", "share")
    )
    shutil.copyfile(folder / "licences" / "INDEX.txt", inside / "licences" / "INDEX.txt.new")
    (inside / "licences" / "INDEX.txt.new").replace(inside / "licences" / "INDEX.txt")  # its own, not a second name
    libraries = [str(path) for name in STATIC for path in sorted(Path("/usr/lib").glob(f"**/{name}"))]
    licences.add(licences.of_system(libraries), inside / "licences")
    entry = (LINUX / "mnemoscope.desktop").read_text("utf-8")
    entry = re.sub(r"^TryExec=.*\n", "", entry, flags=re.M)  # nothing of that name is on the path
    for place in ("mnemoscope.desktop", "usr/share/applications/mnemoscope.desktop"):
        _put(root / place).write_text(entry, "utf-8")
    for place in ("mnemoscope.svg", ".DirIcon", "usr/share/icons/hicolor/scalable/apps/mnemoscope.svg"):
        shutil.copyfile(icon, _put(root / place))
    shutil.copyfile(LINUX / "mnemoscope.xml", _put(root / "usr/share/mime/packages/mnemoscope.xml"))
    shutil.copy2(LINUX / "AppRun", root / "AppRun")


def _put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _link(source: str, target: str) -> None:
    """A second name for a file, where the file system can have one; else a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
