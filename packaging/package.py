#!/usr/bin/env python3
"""Builds the application for this platform: a folder that needs no Python, its archive, and its checksum.

    python packaging/package.py build [--libraries PLACE] [--out DIR]
    python packaging/package.py smoke FOLDER            tries a finished folder (on Linux its AppImage, too)
    python packaging/package.py package [--out DIR]     both
    python packaging/package.py release [--out DIR]     application, wheel and sdist, smoke-tested, checksums, notes

``make package`` and ``make release`` call it in an environment with the extra ``package``; packaging/bootstrap.py makes
that and hands over the portable build of llama.cpp.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import lzma
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.metadata import distributions as installed
from pathlib import Path
from typing import IO

import appimage
import bootstrap
import licences
import variants

ROOT = Path(__file__).resolve().parent.parent
NAME = "mnemoscope"
LARGEST = 350_000_000  # bytes of the archive
_PATIENCE = 1800  # seconds that one attempt may take; the tour takes one minute or two where nothing else runs
BESIDE = ("LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff")
DATA = {"linux": "~/.local/share/mnemoscope", "darwin": "~/Library/Application Support/mnemoscope"}
WINDOWS, MACOS = sys.platform == "win32", sys.platform == "darwin"
# llama.cpp loses its tile configuration on processors with matrix tiles (bootstrap.WITHOUT_AMX); without this variant
# they take the next best.
LEFT_OUT = ("sapphirerapids",)


class PackageError(Exception):
    """What went wrong, in one line."""


# -- build -------------------------------------------------------------------------------------------------------------


def version() -> str:
    """The version, from the one place that says it."""
    found = re.search(r'^__version__ = "([^"]+)"', (ROOT / "workbench" / "__init__.py").read_text("utf-8"), re.M)
    assert found
    return found[1]


def full_name() -> str:
    """``mnemoscope-0.1.0-linux-x86_64``."""
    system = {"linux": "linux", "darwin": "macos", "win32": "windows"}.get(sys.platform, sys.platform)
    return f"{NAME}-{version()}-{system}-{platform.machine().lower()}"


def libraries_of(wheel: Path, folder: Path) -> list[str]:
    """Take llama.cpp's shared libraries out of a wheel of llama-cpp-python; the names of what was taken.

    A build with run-time dispatch puts what computes beside the bindings' own folder (``bin/``), one library for each
    set of instructions.
    """
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            path = Path(member)
            own = path.parts[:2] == ("llama_cpp", "lib")
            computes = path.parts[0] in ("bin", "lib") and re.match(r"(lib)?ggml-cpu-\w[\w.]*\.(so|dll)$", path.name)
            if not path.suffix or not (own or computes) or any(name in path.name for name in LEFT_OUT):
                continue
            (folder / path.name).write_bytes(archive.read(member))
            taken.append(path.name)
    if not any("ggml-base" in name for name in taken):
        raise PackageError(f"{wheel} holds no llama.cpp")
    return sorted(taken)


def build(out: Path, libraries: Path | None) -> Path:
    """Build the folder and its archive below ``out``; returns the archive."""
    target, before, state = out / full_name(), sources_now(), state_now(libraries)
    shutil.rmtree(target, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="mnemoscope-package-") as work:
        made, sources = _frozen(Path(work), libraries)
        if sources_now() != before:  # PyInstaller reads for minutes: modules of two states would not fit each other
            raise PackageError("the program's files changed while it was packaged - run the same command again")
        _put(made, target)
    _beside(target)
    texts = licences.write(sources, target / "licences", _inside_libraries())
    if texts:
        print(f"no licence text came with: {', '.join(texts)} (licences/INDEX.txt says what they name)")
    absent = bootstrap.missing_libraries(bootstrap.X11_LIBRARIES) if sys.platform == "linux" else []
    if absent:
        print(f"not in the package, since not on this machine: {', '.join(absent)} (Qt needs them on X11)")
    archive = pack(target)
    size = archive.stat().st_size
    print(f"{target.name}: {_bytes_of(target) / 1e6:.0f} MB unpacked; {archive.name}: {size / 1e6:.0f} MB")
    if size > LARGEST:
        raise PackageError(f"{archive} has {size / 1e6:.0f} MB, more than {LARGEST / 1e6:.0f}")
    image = one_file(out)
    checksums([archive, *([image] if image else [])])
    note(archive, state)
    return archive


def image_of(out: Path) -> Path:
    """Where the AppImage is: the version and the architecture are in its name, as its tools expect them."""
    return out / f"{NAME}-{version()}-{platform.machine()}.AppImage"


def one_file(out: Path) -> Path | None:
    """Make the AppImage of the folder below ``out``; ``None``, with a line, where that cannot be done."""
    image = image_of(out)
    image.unlink(missing_ok=True)
    if sys.platform != "linux":
        return None
    try:
        appimage.make(out / full_name(), ROOT / "resources" / "icons" / "app.svg", image)
    except appimage.NoTool as error:
        print(f"no AppImage: {error} - {bootstrap.install_hint(appimage.NEEDED)}")
        return None
    print(f"{image.name}: {image.stat().st_size / 1e6:.0f} MB")
    return image


def note(archive: Path, state: str, tried: bool = False) -> None:
    """Write beside an archive from which state of everything it was built, and whether the smoke test has passed."""
    said = {"state": state, "sha256": _sha256(archive), "tried": tried}
    _note_of(archive).write_text(json.dumps(said), "utf-8")


def _note_of(archive: Path) -> Path:
    return archive.with_name(f"{full_name()}.json")


def state_now(libraries: Path | None, root: Path = ROOT) -> str:
    """sha256 over all that decides what is packaged: the program's files, what it needs, llama.cpp's libraries."""
    beside = [root / name for name in (*BESIDE, "pyproject.toml")]
    digest = hashlib.sha256()
    for path in [*map(Path, (p for p, *_ in sources_now(root))), *beside]:
        digest.update(f"{path.relative_to(root)}\0{_sha256(path)}\n".encode())
    for path in sorted(libraries.iterdir()) if libraries is not None else ():
        digest.update(f"{path.name}\0{_sha256(path)}\n".encode())
    digest.update("\n".join([sys.version, *sorted(f"{d.name}=={d.version}" for d in installed())]).encode())
    return digest.hexdigest()


def there(out: Path, libraries: Path | None) -> tuple[Path, bool] | None:
    """The archive that ``make package`` has left and whether it was tried; None when another would be built now."""
    archive = out / f"{full_name()}{'.zip' if WINDOWS else '.tar.xz'}"
    try:
        said = json.loads(_note_of(archive).read_text("utf-8"))
        same = (said["state"], said["sha256"]) == (state_now(libraries), _sha256(archive))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (archive, said.get("tried") is True) if same and (out / full_name()).is_dir() else None


def _sha256(path: Path) -> str:
    with path.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def sources_now(root: Path = ROOT) -> list[tuple[str, int, int]]:
    """Name, size and time of every file of the program that goes in."""
    folders = ("workbench", "ui", "resources", "sample_sessions", "packaging", "docs")
    files = [path for folder in folders for path in sorted((root / folder).rglob("*")) if path.is_file()]
    return [(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in files if "__pycache__" not in p.parts]


def _frozen(work: Path, libraries: Path | None) -> tuple[Path, list[str]]:
    """Run PyInstaller; the folder that it made, and the files that went into it."""
    listed = work / "sources.txt"
    environment = {**os.environ, "MNEMOSCOPE_VERSION": version(), "MNEMOSCOPE_SOURCES": str(listed)}
    environment["PYTHONPATH"] = str(ROOT)
    if WINDOWS or MACOS:
        environment["MNEMOSCOPE_ICON"] = str(icon(work / ("app.ico" if WINDOWS else "app.icns")))
    if libraries is not None:
        environment["MNEMOSCOPE_LLAMA_LIBS"] = str(libraries)
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"]
    places = ["--distpath", str(work / "dist"), "--workpath", str(work / "work")]
    done = subprocess.run([*command, *places, str(ROOT / "packaging" / "mnemoscope.spec")], env=environment, cwd=ROOT)
    if done.returncode:
        raise PackageError(f"PyInstaller failed (exit code {done.returncode}), see above")
    return work / "dist" / ("Mnemoscope.app" if MACOS else NAME), listed.read_text("utf-8").splitlines()


def _put(made: Path, target: Path) -> None:
    """Move what PyInstaller made to its place; on macOS a bundle, into a folder with links to its programs."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if made.suffix != ".app":
        shutil.move(made, target)
        return
    target.mkdir()
    shutil.move(made, target / made.name)
    for program in ("mnemoscope", "mnemoscope-ui"):
        (target / program).symlink_to(Path(made.name, "Contents", "MacOS", program))


def icon(out: Path) -> Path:
    """The program's icon as the executable's format, ``.ico`` or ``.icns``: pictures of several sizes in one file."""
    kinds = {b"ic07": 128, b"ic08": 256, b"ic09": 512}  # of an .icns
    if out.suffix == ".icns":
        pictures = [kind + (len(data) + 8).to_bytes(4, "big") + data for kind, data in _pictures(kinds)]
        whole = b"".join(pictures)
        out.write_bytes(b"icns" + (len(whole) + 8).to_bytes(4, "big") + whole)
        return out
    sizes = {bytes([size % 256]): size for size in (16, 32, 48, 256)}  # of an .ico, where 0 stands for 256
    head, body = b"", b""
    for side, data in _pictures(sizes):
        place = 6 + 16 * len(sizes) + len(body)
        head += side + side + bytes([0, 0, 1, 0, 32, 0]) + len(data).to_bytes(4, "little") + place.to_bytes(4, "little")
        body += data
    out.write_bytes(bytes([0, 0, 1, 0, len(sizes), 0]) + head + body)
    return out


def _pictures(wanted: dict[bytes, int]) -> Iterator[tuple[bytes, bytes]]:
    """The icon in each size as PNG."""
    from PySide6.QtCore import QBuffer
    from PySide6.QtGui import QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    drawing = QSvgRenderer(str(ROOT / "resources" / "icons" / "app.svg"))
    for name, size in wanted.items():
        picture = QImage(size, size, QImage.Format.Format_ARGB32)
        picture.fill(0)
        painter = QPainter(picture)
        drawing.render(painter)
        painter.end()
        data = QBuffer()
        data.open(QBuffer.OpenModeFlag.WriteOnly)
        picture.save(data, "PNG")  # type: ignore[call-overload]
        yield name, bytes(data.data().data())


def _beside(target: Path) -> None:
    """What a person finds beside the program."""
    if not WINDOWS and not MACOS:
        (target / "mnemoscope-ui").symlink_to("mnemoscope")
        linux = ROOT / "packaging" / "linux"
        shutil.copy2(linux / "install.sh", target / "install.sh")
        (target / "share").mkdir()
        for name in ("mnemoscope.desktop", "mnemoscope.xml"):
            shutil.copyfile(linux / name, target / "share" / name)
        shutil.copyfile(ROOT / "resources" / "icons" / "app.svg", target / "share" / "mnemoscope.svg")
    for name in BESIDE:
        shutil.copyfile(ROOT / name, target / name)
    shutil.copytree(ROOT / "docs", target / "docs")  # messages name its pages
    (target / "START.txt").write_text(start_text(), "utf-8")


def start_text() -> str:
    """What a person reads first who has unpacked the archive: how to start it, what it needs, where it keeps things."""
    text = (ROOT / "packaging" / "START.txt").read_text("utf-8")
    if sys.platform == "linux":
        text = text.replace("  mnemoscope", "  ./mnemoscope").replace(
            "\nBoth",
            "  ./install.sh                 menu entry, icon and commands for you; ./install.sh --remove\n\nBoth",
            1,
        )
    library, its = platform.libc_ver()
    system = f"{platform.system()} {platform.machine()}{f', {library} {its}' if its else ''}"
    data = DATA.get(sys.platform, "%LOCALAPPDATA%\\mnemoscope")
    return text.format(version=version(), system=system, data=data, llama=llama_version())


def llama_version() -> str:
    """Of llama-cpp-python, from the one place that pins it."""
    found = re.search(r"llama-cpp-python==([\d.]+)", (ROOT / "pyproject.toml").read_text("utf-8"))
    assert found
    return found[1]


def _inside_libraries() -> list[licences.Part]:
    """llama.cpp is inside the bindings' libraries; its licence is the MIT licence in its authors' name."""
    text = Path(tempfile.gettempdir()) / "LICENSE.llama.cpp"
    ours = (ROOT / "LICENSE").read_text("utf-8")
    text.write_text(re.sub(r"Copyright .*", "Copyright (c) 2023-2026 The ggml authors", ours), "utf-8")
    return [licences.Part("llama.cpp", "", "MIT", (text,))]


def pack(folder: Path) -> Path:
    """The archive of a folder beside it: ``.tar.xz``, on Windows ``.zip``. The same folder gives the same bytes."""
    if WINDOWS:
        return Path(shutil.make_archive(str(folder), "zip", folder.parent, folder.name))
    archive = folder.with_name(f"{folder.name}.tar.xz")
    with archive.open("wb") as data, Compressed(data) as xz, tarfile.open(fileobj=xz, mode="w|") as tar:  # type: ignore[call-overload]
        for path in [folder, *sorted(folder.rglob("*"))]:
            tar.add(path, path.relative_to(folder.parent), recursive=False, filter=_anonymous)
    return archive


class Compressed:
    """Compresses what is written to it as ``.xz`` on all cores.

    Every ``block`` bytes are a stream of their own (xz reads several as one), so what comes out depends on neither the
    number of cores nor their speed. A block is far larger than what the compressor looks back over (2 MiB), so this
    costs no room.
    """

    def __init__(self, file: IO[bytes], block: int = 16 << 20) -> None:
        self._file, self._size, self._block = file, block, bytearray()
        self._workers = os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self._workers)
        self._begun: deque[Future[bytes]] = deque()

    def write(self, data: bytes) -> int:
        """Take in bytes."""
        self._block += data
        while len(self._block) >= self._size:
            self._send(self._size)
        return len(data)

    def _send(self, size: int) -> None:
        self._begun.append(self._pool.submit(lzma.compress, bytes(self._block[:size]), preset=2))
        del self._block[:size]
        self._take(2 * self._workers)

    def _take(self, left: int) -> None:
        """Write what is compressed, in order, until no more than ``left`` blocks are under way."""
        while len(self._begun) > left:
            self._file.write(self._begun.popleft().result())

    def __enter__(self) -> Compressed:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._send(len(self._block))
            self._take(0)
        self._pool.shutdown(cancel_futures=True)


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Neither who built it nor when is anyone's business."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = int(os.environ.get("SOURCE_DATE_EPOCH", "1735689600"))
    return entry


def _bytes_of(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def checksums(files: Sequence[Path]) -> Path:
    """``SHA256SUMS`` beside the files, as ``sha256sum --check`` reads it; other files that it lists stay."""
    out = files[0].parent / "SHA256SUMS"
    lines = out.read_text("utf-8").splitlines() if out.exists() else []
    known = {line.split("  ", 1)[1]: line.split("  ", 1)[0] for line in lines}
    known |= {path.name: _sha256(path) for path in files}
    lines = [f"{digest}  {name}" for name, digest in sorted(known.items()) if (out.parent / name).exists()]
    out.write_text("\n".join(lines) + "\n", "utf-8")
    return out


# -- smoke test --------------------------------------------------------------------------------------------------------


def smoke(folder: Path) -> None:
    """Try the finished folder as a stranger would: from elsewhere, without environment, where nothing can be written.

    Raises:
        PackageError: the first thing that fails, with what was printed.
    """
    with tempfile.TemporaryDirectory(prefix="mnemoscope-smoke-") as work:
        stranger = Stranger(folder.resolve(), Path(work))
        with read_only(folder):
            for name, attempt in stranger.attempts():
                began = time.monotonic()
                found = attempt()
                print(f"ok    {name}: {found} ({time.monotonic() - began:.1f} s)", flush=True)
    image = image_of(folder.resolve().parent)
    if image.exists():
        smoke_image(image)


def smoke_image(image: Path) -> None:
    """Try the AppImage: mounted where that can be done, and unpacked, with nothing left behind by either.

    Raises:
        PackageError: what fails.
    """
    with tempfile.TemporaryDirectory(prefix="mnemoscope-smoke-") as work:
        stranger = Stranger(image.resolve().parent, Path(work))
        places = [stranger.place / "of its own", stranger.place / "unpacked"]
        for place, unpacked in zip(places, ("", "1"), strict=True):
            place.mkdir()
            began = time.monotonic()
            own = {"TMPDIR": str(place), "APPIMAGE_EXTRACT_AND_RUN": unpacked, "PATH": os.defpath}
            said = stranger.run(image.name, "mnemoscope", "--version", **own).strip()
            if version() not in said:
                raise PackageError(f"{image.name} mnemoscope --version says {said!r}")
            times = ", ".join(stranger.run(image.name, "--times", **own).splitlines())
            if not json.loads(stranger.run(image.name, "mnemoscope", "selftest", "--json", **own))["ok"]:
                raise PackageError(f"{image.name}: the self test fails")
            way = "unpacked" if unpacked or not os.access("/dev/fuse", os.W_OK) else "mounted"
            print(f"ok    AppImage, {way}: self test, {times} ({time.monotonic() - began:.1f} s)", flush=True)
            _wait_empty(place)


def _wait_empty(place: Path) -> None:
    """Mounted folders go a moment after the program that they were for."""
    until = time.monotonic() + 10
    while left := [path.name for path in place.iterdir()]:
        if time.monotonic() > until:
            raise PackageError(f"the AppImage leaves {', '.join(left)} behind")
        time.sleep(0.05)


class Stranger:
    """Who has unpacked the folder: a home, a place to work, and no environment but that."""

    def __init__(self, folder: Path, work: Path) -> None:
        self.folder, self.home, self.place = folder, work / "home", work / "place"
        self.home.mkdir()
        self.place.mkdir()

    def run(self, program: str, *arguments: str, **environment: str) -> str:
        """Run a program of the folder; what it printed on standard output."""
        command = [str(self.folder / (f"{program}.exe" if WINDOWS else program)), *arguments]
        own = {"HOME": str(self.home), "QT_QPA_PLATFORM": "offscreen", "LANG": "C.UTF-8", **environment}
        if WINDOWS:
            own |= {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP") if name in os.environ}
            own |= {"USERPROFILE": str(self.home), "LOCALAPPDATA": str(self.home)}
        try:
            done = subprocess.run(command, cwd=self.place, env=own, capture_output=True, timeout=_PATIENCE)
        except subprocess.TimeoutExpired as error:
            what = f"{program} {' '.join(arguments)} takes more than {_PATIENCE // 60} minutes"
            raise PackageError(f"{what} - a defect, or a machine with much else to do") from error
        said = done.stdout.decode("utf-8", "replace")
        if done.returncode:
            wrong = f"{said[-1000:]}{done.stderr.decode('utf-8', 'replace')[-1000:]}"
            raise PackageError(f"{program} {' '.join(arguments)} ended with {done.returncode}: {wrong}")
        return said

    def attempts(self) -> Iterator[tuple[str, Callable[[], str]]]:
        """Every attempt by name; each returns what it found."""
        yield "version", self._version
        yield "self test", self._selftest
        yield "run, score, report", self._run
        yield "the same run from source", self._again
        yield "first window", self._first_window
        yield "on a display of X", self._display
        yield "tour", self._tour
        yield "a model that is tried in a process of its own", self._model
        yield "llama.cpp for every instruction set", self._variants
        yield "instructions of llama.cpp's libraries", self._instructions
        yield "another build of llama.cpp", self._other_build
        yield "the user's data", self._data
        yield "licences", self._licences

    def _version(self) -> str:
        said = self.run("mnemoscope", "--version").strip()
        if version() not in said:
            raise PackageError(f"--version says {said!r}")
        return said

    def _selftest(self) -> str:
        told = json.loads(self.run("mnemoscope", "selftest", "--json"))
        if not told["ok"]:
            raise PackageError(f"selftest: {told['steps'][-1]['found']}")
        return str(told["steps"][1]["found"])

    def _run(self) -> str:
        session = next(self.folder.rglob("sample_sessions/accurate-retrieval.json"))
        lanes = [word for lane in ("bm25", "dense", "a-mem") for word in ("--lane", lane)]
        self.run("mnemoscope", "run", str(session), *lanes, "--exact", "--out", "run.mnemo")
        board = json.loads(self.run("mnemoscope", "score", "run.mnemo", "--json"))
        self.run("mnemoscope", "export", "run.mnemo", "--html", "report.html")
        said = [
            f"{lane['lane']} {lane['competencies']['accurate_retrieval']['accuracy']:.2f}" for lane in board["lanes"]
        ]
        return f"{', '.join(said)}; report {(self.place / 'report.html').stat().st_size >> 10} KiB"

    def _again(self) -> str:
        """The checkout's Python makes the run again, on the same machine code; every event must be the same."""
        libraries = next(self.folder.rglob("llama_cpp/lib"))
        command = [sys.executable, "-m", "workbench", "rerun", str(self.place / "run.mnemo"), "--json"]
        own = {**os.environ, "PYTHONPATH": str(ROOT), "LLAMA_CPP_LIB_PATH": str(libraries)}
        done = subprocess.run(command, cwd=self.place, env=own, capture_output=True, text=True)
        if done.returncode:
            raise PackageError(f"rerun from source: {done.stderr[-1000:]}")
        lanes = json.loads(done.stdout)["lanes"]
        different = {lane["lane"]: lane["different"] for lane in lanes if lane["different"]}
        if different or not lanes:
            raise PackageError(f"from source other events come: {different}")
        return f"{sum(lane['events'] for lane in lanes)} events, all the same"

    def _first_window(self) -> str:
        """From the disk's cache: the self test has read most of it."""
        self.run("mnemoscope-ui", "--times")
        return ", ".join(self.run("mnemoscope-ui", "--times").splitlines())

    def _display(self) -> str:
        """A virtual screen, where there is one to try with: Qt's plugin for X and the libraries that it needs."""
        if sys.platform != "linux" or not shutil.which("Xvfb"):
            return "not tried, there is no Xvfb"
        read, write = os.pipe()
        command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
        server = subprocess.Popen(command, pass_fds=(write,), stderr=subprocess.DEVNULL)
        os.close(write)
        try:
            with open(read, encoding="ascii") as told:
                display = told.readline().strip()
            own = {"DISPLAY": f":{display}", "QT_QPA_PLATFORM": "xcb"}
            return ", ".join(self.run("mnemoscope-ui", "--times", **own).splitlines())
        finally:
            server.terminate()
            server.wait()

    def _tour(self) -> str:
        self.run("mnemoscope-ui", "--tour", "tour")
        pictures = list((self.place / "tour").glob("*.png"))
        if len(pictures) < 10:
            raise PackageError(f"the tour saved {len(pictures)} pictures")
        return f"{len(pictures)} pictures"

    def _model(self) -> str:
        """A copy elsewhere is a stranger's file, so a child process tries it before it is used."""
        (self.place / "own.gguf").write_bytes(next(self.folder.rglob("mnemoscope-demo.gguf")).read_bytes())
        self.run("mnemoscope", "--try-model", "own.gguf")
        session = next(self.folder.rglob("sample_sessions/accurate-retrieval.json"))
        self.run("mnemoscope", "run", str(session), "--lane", "full", "--model", "own.gguf", "--out", "own.mnemo")
        return "found sound, then used"

    def _inside_variants(self) -> dict[str, Path]:
        inside = next(self.folder.rglob("llama_cpp/lib"))
        return {found[1]: path for path in inside.iterdir() if (found := variants.VARIANT.search(path.name))}

    def _variants(self) -> str:
        """Each library that this processor can run is the only one that there is, and answers a question."""
        every = self._inside_variants()
        able = [name for name, path in sorted(every.items()) if variants.score(path)]
        if every and not able:
            raise PackageError(f"this processor can run none of {', '.join(every)}")
        right = [f"{name} {self._answers(every, name)}" for name in able]
        left = sorted(every.keys() - able)
        return f"{', '.join(right) or 'one for all'}; not for this processor: {', '.join(left) or 'none'}"

    def _instructions(self) -> str:
        """Those that cannot run here are looked at, at least: each uses what its processors have, and no more."""
        every = {name: variants.instructions(path) for name, path in sorted(self._inside_variants().items())}
        faults = [
            fault for name, found in every.items() if found is not None and (fault := variants.wrong(name, found))
        ]
        if faults:
            raise PackageError("; ".join(faults))
        wide = [name for name, found in every.items() if found and "zmm" in found]
        return (
            f"{len(every)} as they should be, AVX-512 in {len(wide)}" if any(every.values()) else "there is no objdump"
        )

    def _answers(self, every: dict[str, Path], name: str) -> str:
        """How many of the questions that come first a variant answers right, ``1 of 2``."""
        libraries, session = self.place / f"libraries-{name}", self.place / "beginning.json"
        libraries.mkdir()
        for path in every[name].parent.iterdir():
            if path not in every.values() or path == every[name]:
                (shutil.copy2 if WINDOWS else os.symlink)(path, libraries / path.name)
        whole = json.loads(next(self.folder.rglob("sample_sessions/accurate-retrieval.json")).read_text("utf-8"))
        first = whole["probes"][0]["after"]
        asked = [probe for probe in whole["probes"] if probe["after"] == first]
        session.write_text(json.dumps(whole | {"turns": whole["turns"][: first + 1], "probes": asked}), "utf-8")
        run, own = f"{name}.mnemo", {"LLAMA_CPP_LIB_PATH": str(libraries)}
        self.run("mnemoscope", "run", str(session), "--lane", "full", "--exact", "--out", run, **own)
        [lane] = json.loads(self.run("mnemoscope", "score", run, "--json"))["lanes"]
        told = lane["competencies"]["accurate_retrieval"]
        return f"{round(told['accuracy'] * told['n'])} of {told['n']}"

    def _other_build(self) -> str:
        """This environment's own by ``LLAMA_CPP_LIB_PATH``, and nothing of the one inside beside it."""
        place = importlib.util.find_spec("llama_cpp")
        assert place and place.origin
        libraries = Path(place.origin).parent / "lib"
        told = self.run("mnemoscope", "selftest", "--json", "--embedder", "hash", LLAMA_CPP_LIB_PATH=str(libraries))
        if not json.loads(told)["ok"]:
            raise PackageError(f"with the libraries in {libraries}: {json.loads(told)['steps'][-1]['found']}")
        if beside := [path.name for path in self.folder.glob("_internal/*") if LLAMA.match(path.name)]:
            raise PackageError(f"{', '.join(beside)} would be taken instead of another build's")
        return "the self test passes"

    def _data(self) -> str:
        kept = sorted({path.relative_to(self.home).parts[:3] for path in self.home.rglob("*") if path.is_file()})
        if not kept:
            raise PackageError("nothing was kept in the user's folders")
        return ", ".join("/".join(parts) for parts in kept)

    def _licences(self) -> str:
        lines = (self.folder / "licences" / "INDEX.txt").read_text("utf-8").splitlines()
        return f"texts of {len(lines)} parts"


LLAMA = re.compile(r"(lib)?(ggml|llama)[-.].*(so|dylib|dll)")  # libraries that stand where the loader looks first


class read_only:
    """Takes every right to write away from a folder, and gives it back. As root that stops nobody: it is said."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._modes = folder, [(p, p.stat().st_mode) for p in _all(folder)]

    def __enter__(self) -> None:
        for path, mode in self._modes:
            path.chmod(mode & ~0o222)
        self._stamp = self._state()

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        changed = self._state() != self._stamp
        for path, mode in self._modes:
            path.chmod(mode)
        if kind is None and changed:
            raise PackageError(f"something was written into {self._folder}")

    def _state(self) -> list[tuple[str, int, int]]:
        return [(str(p), p.lstat().st_size, p.lstat().st_mtime_ns) for p in _all(self._folder)]


def _all(folder: Path) -> list[Path]:
    return [path for path in [folder, *sorted(folder.rglob("*"))] if not path.is_symlink()]


# -- release -----------------------------------------------------------------------------------------------------------


def notes(changelog: str, wanted: str) -> str:
    """The section of the changelog that the version has.

    Raises:
        PackageError: when the topmost section is another one's.
    """
    sections = re.split(r"^## ", changelog, flags=re.M)[1:]
    title = sections[0].splitlines()[0] if sections else ""
    if title.split()[:1] != [wanted]:
        raise PackageError(f"the topmost section of CHANGELOG.md is {title!r}, not {wanted}")
    return sections[0].partition("\n")[2].strip() + "\n"


def agreed_version() -> str:
    """The version, when package, citation and changelog say the same."""
    mine = version()
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text("utf-8"), re.M)
    if cited is None or cited[1].strip() != mine:
        raise PackageError(f"CITATION.cff is not at version {mine}")
    notes((ROOT / "CHANGELOG.md").read_text("utf-8"), mine)
    return mine


def distributions(out: Path) -> list[Path]:
    """The wheel and the sdist, with the models that lie in resources/."""
    done = subprocess.run([sys.executable, "-m", "build", "--outdir", str(out), str(ROOT)])
    if done.returncode:
        raise PackageError("the wheel and the sdist could not be built, see above")
    return [*out.glob(f"{NAME}-{version()}-*.whl"), *out.glob(f"{NAME}-{version()}.tar.gz")]


def release(out: Path, libraries: Path | None) -> None:
    """Everything that a release consists of, tried, with checksums and notes."""
    mine = agreed_version()
    archive, tried = there(out, libraries) or (None, False)
    if archive is not None:
        also = " and tried" if tried else ""
        print(f"{archive.name}: is there, built{also} from all that is here now; not built{also} again")
    archive = archive or build(out, libraries)
    if not tried:
        smoke(out / full_name())
    images = [image_of(out)] if image_of(out).exists() else []
    made = distributions(out)
    for path in made:
        done = subprocess.run([sys.executable, str(ROOT / "packaging" / "wheel_smoke.py"), str(path)])
        if done.returncode:
            raise PackageError(f"{path.name} does not work where it is installed, see above")
    (out / "NOTES.md").write_text(notes((ROOT / "CHANGELOG.md").read_text("utf-8"), mine), "utf-8")
    print(checksums([archive, *images, *made]).read_text("utf-8"), end="")


def main(argv: Sequence[str] | None = None) -> int:
    """Read the command line; the exit code."""
    parser = argparse.ArgumentParser(prog="package.py", description="Builds and tries the application.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("build", "package", "release"):
        command = commands.add_parser(name)
        command.add_argument("--libraries", type=Path, help="folder, or wheel, with llama.cpp's shared libraries")
        command.add_argument(
            "--native", action="store_true", help="the environment's own llama.cpp, for this processor"
        )
        command.add_argument("--out", type=Path, default=ROOT / "dist")
    commands.add_parser("smoke").add_argument("folder", type=Path)
    options = parser.parse_args(argv)
    try:
        if options.command == "smoke":
            smoke(options.folder)
            return 0
        with tempfile.TemporaryDirectory(prefix="mnemoscope-libraries-") as folder:
            libraries = options.libraries
            if libraries is not None and libraries.suffix == ".whl":
                print(f"llama.cpp: {', '.join(libraries_of(libraries, Path(folder)))}")
                libraries = Path(folder)
            if options.command == "release":
                release(options.out, libraries)
                return 0
            archive, state = build(options.out, libraries), state_now(libraries)
            if options.command == "package":
                smoke(options.out / full_name())
                note(archive, state, tried=True)
        return 0
    except (PackageError, OSError) as error:
        print(f"package: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
