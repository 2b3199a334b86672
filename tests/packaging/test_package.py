"""The packaged application: what goes in, how the desktop learns of it, and the finished folder itself (slow)."""

from __future__ import annotations

import configparser
import hashlib
import importlib.metadata
import importlib.util
import io
import lzma
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import numpy
import pytest
from PySide6 import QtCore, QtGui

from workbench import __version__
from workbench.trace.schema import APPLICATION_ID

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGING = ROOT / "packaging"
LINUX = PACKAGING / "linux"


def script(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A script of packaging/ as a module (``packaging`` itself is the name of another distribution)."""
    monkeypatch.syspath_prepend(str(PACKAGING))
    spec = importlib.util.spec_from_file_location(f"mnemoscope_{name}", PACKAGING / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return script("package", monkeypatch)


# -- what goes in ------------------------------------------------------------------------------------------------------


def test_a_portable_wheel_gives_its_bindings_libraries_and_one_for_each_processor(
    package: ModuleType, tmp_path: Path
) -> None:
    wheel = tmp_path / "llama.whl"
    inside = ("llama_cpp/lib/libllama.so", "llama_cpp/lib/libggml-base.so.0", "bin/libggml-cpu-haswell.so")
    outside = (
        "llama_cpp/__init__.py",
        "bin/libggml-cpu-sapphirerapids.so",
        "lib/libllama-common.so",
        "bin/tool",
        "lib/",
    )
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in (*inside, *outside):
            archive.writestr(name, name)
    assert package.libraries_of(wheel, tmp_path / "got") == sorted(Path(name).name for name in inside)
    assert (tmp_path / "got" / "libggml-cpu-haswell.so").read_text() == "bin/libggml-cpu-haswell.so"


@pytest.fixture
def variants(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return script("variants", monkeypatch)


def test_libraries_for_one_instruction_set_are_known_by_name_and_asked_in_a_process(
    variants: ModuleType, tmp_path: Path
) -> None:
    names = ("libggml-cpu-haswell.so", "ggml-cpu-zen4.dll", "libggml-cpu.so.0", "libggml-base.so.0")
    found = [variants.VARIANT.search(name) for name in names]
    assert [match and match[1] for match in found] == ["haswell", "zen4", None, None]
    (tmp_path / names[0]).write_bytes(b"no library")
    with pytest.raises(OSError, match=r"haswell\.so cannot be loaded"):
        variants.score(tmp_path / names[0])


@pytest.mark.skipif(platform.machine() != "x86_64", reason="its assembler knows other instructions")
@pytest.mark.skipif(not (shutil.which("objdump") and shutil.which("gcc")), reason="no objdump or no gcc here")
def test_instruction_sets_are_read_from_the_machine_code(variants: ModuleType, tmp_path: Path) -> None:
    lines = {
        "zmm": "vaddps %zmm0, %zmm1, %zmm2",
        "vnni": "vpdpbusd %zmm0, %zmm1, %zmm2",
        "bf16": "vdpbf16ps %zmm0, %zmm1, %zmm2",
        "amx": "tdpbssd %tmm1, %tmm2, %tmm3",
        "fma": "vfmadd231ps %xmm0, %xmm1, %xmm2",
        "ymm": "vaddps %ymm0, %ymm1, %ymm2",
    }
    for name, line in lines.items():
        source = tmp_path / f"{name}.s"
        source.write_text(f"{line}\n")
        subprocess.run(["gcc", "-c", str(source), "-o", str(tmp_path / f"{name}.o")], check=True)
        expected = {name, "zmm"} if name in ("vnni", "bf16") else {name}
        assert set(variants.instructions(tmp_path / f"{name}.o")) == expected


def test_a_variant_with_too_much_or_too_little_is_named(variants: ModuleType) -> None:
    assert variants.wrong("haswell", ("ymm", "fma")) == variants.wrong("unheard-of", ("zmm",)) == ""
    assert variants.wrong("haswell", ("ymm", "fma", "zmm")) == "haswell has zmm"
    assert variants.wrong("zen4", ("ymm", "fma", "zmm")) == "zen4 has no bf16, vnni"


def test_a_wheel_of_something_else_is_refused(package: ModuleType, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as archive:
        archive.writestr("other/__init__.py", "")
    with pytest.raises(package.PackageError, match="holds no llama"):
        package.libraries_of(tmp_path / "other.whl", tmp_path / "got")


def test_the_licence_of_what_is_inside_comes_with_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    licences = script("licences", monkeypatch)
    nameless = licences.Part("nameless", "1", "MIT", ())
    without = licences.write([numpy.__file__, str(tmp_path / "nobody's")], tmp_path / "out", [nameless])
    index = (tmp_path / "out" / "INDEX.txt").read_text("utf-8")
    assert without == ["nameless"] and "nameless 1: MIT - no text came with it" in index
    assert re.search(rf"^numpy {re.escape(numpy.__version__)}: .+ - numpy/LICENSE.txt", index, re.M)
    assert "Python 3." in index and "all-MiniLM-L6-v2: Apache-2.0" in index
    named = re.findall(r"(?<=[ ,])(\S+/\S+\.\w+)(?=,|$)", index, re.M)
    assert named and all((tmp_path / "out" / name).is_file() for name in named if not name.startswith("sentence-"))


def test_a_licence_that_is_only_named_has_its_text_from_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    licences = script("licences", monkeypatch)
    if not (licences._COMMON / "Apache-2.0").is_file():
        pytest.skip("no Debian, so no common licences")
    [qt] = [p for p in licences.of_distributions([QtCore.__file__]) if p.name.lower().startswith("pyside6")]
    assert {text.name for text in qt.texts} == {"LGPL-3", "GPL-3", "GPL-2"}, qt


def test_two_texts_of_one_name_are_both_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    licences = script("licences", monkeypatch)
    texts = [tmp_path / folder / "LICENSE" for folder in ("a", "b")]
    for text in texts:
        text.parent.mkdir()
        text.write_text(str(text))
    licences.write([], tmp_path / "out", [licences.Part("both", "1", "MIT", tuple(texts))])
    assert {path.read_text() for path in (tmp_path / "out" / "both").iterdir()} == {str(text) for text in texts}


def test_the_archive_is_the_same_again_and_names_nobody(package: ModuleType, tmp_path: Path) -> None:
    if package.WINDOWS:
        pytest.skip("a zip on Windows")
    folder = tmp_path / "mnemoscope"
    (folder / "inside").mkdir(parents=True)
    (folder / "inside" / "text").write_text("text")
    (folder / "link").symlink_to("inside/text")
    first = package.pack(folder).read_bytes()
    os.utime(folder / "inside" / "text", (1, 1))
    assert package.pack(folder).read_bytes() == first
    with tarfile.open(tmp_path / "mnemoscope.tar.xz") as archive:
        assert {(entry.uid, entry.uname) for entry in archive} == {(0, "")}
        assert archive.getmember("mnemoscope/link").linkname == "inside/text"


def test_blocks_are_compressed_side_by_side_and_read_as_one(package: ModuleType) -> None:
    data = b"".join(n.to_bytes(4, "big") for n in range(5000))

    def compressed(workers: int) -> bytes:
        file = io.BytesIO()
        with package.Compressed(file, block=3000) as xz:
            xz._workers = workers
            assert [xz.write(data[at : at + 7777]) for at in range(0, len(data), 7777)] == [7777, 7777, 4446]
        return file.getvalue()

    assert lzma.decompress(compressed(1)) == data
    assert compressed(3) == compressed(1) and compressed(1).count(b"\xfd7zXZ") == 7


def test_a_release_takes_the_application_that_is_there_as_long_as_it_would_be_the_same(
    package: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root, libraries, out = tmp_path / "root", tmp_path / "libraries", tmp_path / "out"
    for path in (root / "workbench" / "a.py", libraries / "libllama.so", out / package.full_name() / "program"):
        path.parent.mkdir(parents=True)
        path.write_text("1")
    for name in (*package.BESIDE, "pyproject.toml"):
        (root / name).write_text(name)
    state = package.state_now
    monkeypatch.setattr(package, "state_now", lambda libraries: state(libraries, root))
    archive = out / f"{package.full_name()}{'.zip' if package.WINDOWS else '.tar.xz'}"
    archive.write_text("packed")
    assert package.there(out, libraries) is None  # nobody knows from what it was built
    package.note(archive, package.state_now(libraries))
    os.utime(root / "workbench" / "a.py", (1, 1))
    assert package.there(out, libraries) == (archive, False)
    assert package.there(out, None) is None
    for path in (root / "workbench" / "a.py", libraries / "libllama.so", root / "README.md", archive):
        before = path.read_text()
        path.write_text("2")
        assert package.there(out, libraries) is None, path
        path.write_text(before)
    package.note(archive, package.state_now(libraries), tried=True)
    assert package.there(out, libraries) == (archive, True)


def test_checksums_are_read_by_sha256sum_and_forget_what_is_gone(package: ModuleType, tmp_path: Path) -> None:
    old, new = tmp_path / "old.whl", tmp_path / "new.tar.gz"
    old.write_text("old")
    package.checksums([old])
    old.unlink()
    new.write_text("new")
    listed = package.checksums([new]).read_text()
    assert listed == f"{hashlib.sha256(b'new').hexdigest()}  new.tar.gz\n"


def test_the_version_is_the_same_wherever_it_is_said(package: ModuleType) -> None:
    assert package.agreed_version() == __version__


def test_release_notes_are_the_topmost_section_or_nothing(package: ModuleType) -> None:
    changes = "# Changelog\n\nx\n\n## 2.0.0\n\n* new\n\n## 1.0.0\n\n* old\n"
    assert package.notes(changes, "2.0.0") == "* new\n"
    with pytest.raises(package.PackageError, match=r"'2\.0\.0', not 1\.0\.0"):
        package.notes(changes, "1.0.0")


def test_a_program_that_changes_while_it_is_packaged_is_noticed(package: ModuleType, tmp_path: Path) -> None:
    module = tmp_path / "workbench" / "engine" / "protocol.py"
    module.parent.mkdir(parents=True)
    module.write_text("A = 1")
    before = package.sources_now(tmp_path)
    (module.parent / "__pycache__").mkdir()
    (module.parent / "__pycache__" / "protocol.pyc").write_text("")
    assert package.sources_now(tmp_path) == before != []
    module.write_text("A = 12")
    assert package.sources_now(tmp_path) != before


def test_what_is_written_into_an_installation_is_noticed(package: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "file").write_text("as it was")
    with package.read_only(folder):
        assert not (folder / "file").stat().st_mode & 0o222
    with pytest.raises(package.PackageError, match="written into"), package.read_only(folder):
        (folder / "file").chmod(0o644)
        (folder / "file").write_text("something else")
    assert (folder / "file").stat().st_mode & 0o200


# -- the program -------------------------------------------------------------------------------------------------------


def program(*arguments: str, name: Path = PACKAGING / "program.py") -> subprocess.CompletedProcess[str]:
    """``packaging/program.py``, under another name where one is given."""
    return subprocess.run(
        [sys.executable, str(name), *arguments], capture_output=True, text=True, timeout=120, cwd=ROOT
    )


@pytest.fixture(autouse=True)
def from_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def test_one_executable_is_both_programs(tmp_path: Path) -> None:
    window = tmp_path / "Mnemoscope-UI.exe"  # its name in any case of letters, with or without a suffix
    window.write_bytes((PACKAGING / "program.py").read_bytes())
    assert program("--version").stdout.strip() == f"mnemoscope {__version__}"
    assert "usage: mnemoscope-ui" in program("--help", name=window).stdout


def test_a_link_of_any_name_to_the_window_is_the_window(tmp_path: Path) -> None:
    (tmp_path / "mnemoscope-ui").symlink_to(PACKAGING / "program.py")
    (tmp_path / "memory.py").symlink_to("mnemoscope-ui")
    assert "usage: mnemoscope-ui" in program("--help", name=tmp_path / "memory.py").stdout


def test_it_is_the_process_that_tries_a_model(tmp_path: Path) -> None:
    sound = program("--try-model", str(ROOT / "resources" / "models" / "mnemoscope-demo.gguf"))
    assert sound.stdout.splitlines()[-1] == '{"wrong": ""}'
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + bytes(64))
    assert '"wrong": ""' not in program("--try-model", str(tmp_path / "bad.gguf")).stdout


def test_it_is_the_process_that_reads_parquet(tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_bytes(b"PAR1nothing")
    done = program("--read-parquet", str(tmp_path / "bad.parquet"))
    assert done.returncode == 1 and "Traceback" not in done.stderr


def test_what_is_read_first_names_this_system_and_the_llama_cpp_that_fits(package: ModuleType) -> None:
    text = package.start_text()
    assert text.startswith(f"Mnemoscope {__version__}:") and "{" not in text
    assert package.llama_version() == importlib.metadata.version("llama-cpp-python")
    assert max(map(len, text.splitlines())) <= 120


def test_on_macos_the_programs_beside_the_bundle_are_those_in_it(package: ModuleType, tmp_path: Path) -> None:
    inside = tmp_path / "work" / "Mnemoscope.app" / "Contents" / "MacOS"
    inside.mkdir(parents=True)
    for name in ("mnemoscope", "mnemoscope-ui"):
        (inside / name).write_text(name)
    target = tmp_path / "dist" / "mnemoscope-1-macos-arm64"
    package._put(tmp_path / "work" / "Mnemoscope.app", target)
    assert sorted(path.name for path in target.iterdir()) == ["Mnemoscope.app", "mnemoscope", "mnemoscope-ui"]
    assert (target / "mnemoscope-ui").read_text() == "mnemoscope-ui"


def test_the_icon_is_written_as_windows_and_macos_want_it(package: ModuleType, tmp_path: Path) -> None:
    windows = QtGui.QImageReader(str(package.icon(tmp_path / "app.ico")))
    sizes = []
    for number in range(windows.imageCount()):
        windows.jumpToImage(number)
        sizes.append(windows.read().width())
    assert sizes == [16, 32, 48, 256]
    mac = package.icon(tmp_path / "app.icns").read_bytes()
    assert mac[:4] == b"icns" and int.from_bytes(mac[4:8], "big") == len(mac)
    at, kinds = 8, {}
    while at < len(mac):
        size = int.from_bytes(mac[at + 4 : at + 8], "big")
        kinds[mac[at : at + 4]] = QtGui.QImage.fromData(mac[at + 8 : at + size]).width()
        at += size
    assert kinds == {b"ic07": 128, b"ic08": 256, b"ic09": 512}


# -- one file ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def appimage(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return script("appimage", monkeypatch)


@pytest.fixture
def image(appimage: ModuleType, tmp_path: Path) -> Path:
    """An AppImage around a script that tells how it was started."""
    folder = tmp_path / "application"
    (folder / "licences").mkdir(parents=True)
    (folder / "licences" / "INDEX.txt").write_text("its own\n")
    (folder / "mnemoscope").write_text('#!/bin/sh\necho "${0##*/}" "$APPDIR" "$@"\nexit 3\n')
    (folder / "mnemoscope").chmod(0o755)
    (folder / "mnemoscope-ui").symlink_to("mnemoscope")
    (folder / "data").write_bytes(numpy.random.default_rng(1).bytes(3_000_001))
    try:
        made: Path = appimage.make(folder, ROOT / "resources" / "icons" / "app.svg", tmp_path / "an ïmage")
    except appimage.NoTool as error:
        pytest.skip(f"no AppImage can be made here: {error}")
    return made


@pytest.mark.skipif(sys.platform != "linux", reason="AppImages are for Linux")
def test_an_appimage_is_one_file_that_starts_either_program(appimage: ModuleType, image: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    def call(*arguments: str, name: str = str(image), **more: str) -> subprocess.CompletedProcess[str]:
        own = {"PATH": os.defpath, "TMPDIR": str(scratch), **more}
        return subprocess.run([name, *arguments], env=own, capture_output=True, text=True, cwd=tmp_path, timeout=60)

    assert image.read_bytes()[8:11] == appimage.MARK
    unpacked = {"APPIMAGE_EXTRACT_AND_RUN": "1"}
    done = call("a run.mnemo", **unpacked)
    assert done.stdout.split()[0] == "mnemoscope-ui" and done.stdout.endswith(" a run.mnemo\n")
    assert done.returncode == 3 and not list(scratch.iterdir())
    assert call("mnemoscope", "score", "x", **unpacked).stdout.split()[::2] == ["mnemoscope", "score"]
    (tmp_path / "mnemoscope").symlink_to(image)
    assert call("score", name=str(tmp_path / "mnemoscope"), **unpacked).stdout.startswith("mnemoscope ")
    assert call("--appimage-extract").stdout == "squashfs-root\n"
    out = tmp_path / "squashfs-root"
    assert (out / "usr/lib/mnemoscope/data").read_bytes() == (tmp_path / "application/data").read_bytes()
    assert (out / "usr/lib/mnemoscope/mnemoscope-ui").is_symlink() and os.access(out / "AppRun", os.X_OK)
    assert entry_of(out / "mnemoscope.desktop")["Icon"] == "mnemoscope" and (out / "mnemoscope.svg").is_file()
    assert (tmp_path / "application/licences/INDEX.txt").read_text() == "its own\n"
    mounted = call("x")  # without FUSE it says so, and is unpacked
    assert mounted.returncode == 3 and mounted.stdout.startswith("mnemoscope-ui ")
    assert not mounted.stderr or ("no FUSE" in mounted.stderr and len(mounted.stderr.splitlines()) == 1)


@pytest.mark.skipif(sys.platform != "linux", reason="AppImages are for Linux")
def test_without_its_tool_there_is_no_appimage_and_a_line(
    package: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    package.image_of(tmp_path).write_text("of another build")
    assert package.one_file(tmp_path) is None and not package.image_of(tmp_path).exists()
    said = capsys.readouterr().out
    assert said.startswith("no AppImage: there is no mksquashfs - ") and "squashfs-tools" in said


# -- the desktop -------------------------------------------------------------------------------------------------------


def entry_of(path: Path) -> configparser.SectionProxy:
    parsed = configparser.RawConfigParser(delimiters=("=",), interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment, method-assign]
    parsed.read_string(path.read_text("utf-8"))
    assert parsed.sections() == ["Desktop Entry"]
    return parsed["Desktop Entry"]


def test_the_desktop_entry_is_one() -> None:
    entry = entry_of(LINUX / "mnemoscope.desktop")
    assert {"Type", "Name", "Exec", "Icon", "Categories", "MimeType"} <= entry.keys()
    assert entry["Type"] == "Application" and entry["Exec"].split() == ["mnemoscope-ui", "%f"]
    assert all(entry[name].endswith(";") for name in ("Categories", "Keywords", "MimeType"))


def test_run_files_are_known_by_name_and_by_content() -> None:
    kind = next(iter(ElementTree.parse(LINUX / "mnemoscope.xml").getroot()))
    tag = "{http://www.freedesktop.org/standards/shared-mime-info}"
    assert f"{kind.get('type')};" == entry_of(LINUX / "mnemoscope.desktop")["MimeType"]
    assert [glob.get("pattern") for glob in kind.iter(f"{tag}glob")] == ["*.mnemo"]
    text, number = kind.iter(f"{tag}match")
    head = next(iter((ROOT / "sample_sessions").glob("*.mnemo"))).read_bytes()[:100]
    assert head.startswith(text.get("value", "?").encode())
    assert int(number.get("value", "0"), 16) == APPLICATION_ID
    assert head[int(number.get("offset", "0")) :][:4] == APPLICATION_ID.to_bytes(4, "big")


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script for Linux")
def test_install_makes_it_known_and_remove_takes_that_back(tmp_path: Path) -> None:
    folder = tmp_path / "my 100% | new & old 'apps'"
    (folder / "share").mkdir(parents=True)
    for name in ("mnemoscope", "mnemoscope-ui"):
        (folder / name).write_text("#!/bin/sh\necho $0\n")
        (folder / name).chmod(0o755)
    for source, name in (
        (LINUX / "mnemoscope.desktop", "mnemoscope.desktop"),
        (LINUX / "mnemoscope.xml", "mnemoscope.xml"),
        (ROOT / "resources" / "icons" / "app.svg", "mnemoscope.svg"),
    ):
        (folder / "share" / name).write_bytes(source.read_bytes())
    (folder / "install.sh").write_bytes((LINUX / "install.sh").read_bytes())
    prefix = tmp_path / "prefix"

    def install(*arguments: str) -> None:
        subprocess.run(["sh", str(folder / "install.sh"), *arguments, str(prefix)], check=True, capture_output=True)

    install()
    install()  # again, after the folder was moved
    entry = entry_of(prefix / "share" / "applications" / "mnemoscope.desktop")
    assert entry["Exec"] == f'"{str(folder / "mnemoscope-ui").replace("%", "%%")}" %f'
    assert entry["TryExec"] == str(folder / "mnemoscope-ui")
    assert (prefix / "bin" / "mnemoscope-ui").resolve() == folder / "mnemoscope-ui"
    assert (prefix / "share" / "icons" / "hicolor" / "scalable" / "apps" / "mnemoscope.svg").is_file()
    install("--remove")
    left = [
        path for path in prefix.rglob("*") if path.is_file() and path.parent.name != "mime" and "mnemo" in path.name
    ]
    assert left == [] and (folder / "mnemoscope").exists()


# -- the finished things -----------------------------------------------------------------------------------------------


def finished(pattern: str) -> Path:
    """What ``make release`` has put into dist/; skips where it has not been run."""
    found = sorted((ROOT / "dist").glob(pattern))
    if not found:
        pytest.skip(f"no dist/{pattern}: made by `make release`")
    return found[-1]


@pytest.mark.slow
def test_the_packaged_application_works_for_a_stranger(package: ModuleType) -> None:
    package.smoke(finished(f"mnemoscope-{__version__}-*-*/licences").parent)


@pytest.mark.slow
@pytest.mark.parametrize("pattern", [f"mnemoscope-{__version__}-*.whl", f"mnemoscope-{__version__}.tar.gz"])
def test_wheel_and_sdist_work_in_a_bare_environment(pattern: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, str(PACKAGING / "wheel_smoke.py"), str(finished(pattern))], timeout=3000)
    assert done.returncode == 0
