"""The licences of all that is in a package, collected from what was put into it.

A file of an installed distribution brings that distribution's licence texts, a library of the system its Debian
package's ``copyright``, Python its own. ``INDEX.txt`` lists every part with its licence and where no text was found.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

_TEXT = re.compile(r"(licen[cs]e|copying|notice|authors|copyright)", re.IGNORECASE)
_COMMON = Path("/usr/share/common-licenses")  # Debian's; the texts that distributions name and do not bring
_NAMED = {"LGPL-3": "LGPL-3", "GPL-3": "GPL-3", "GPL-2": "GPL-2", "Apache": "Apache-2.0", "MPL-2": "MPL-2.0"}
# Inside the bindings' libraries or the models, so no distribution of their own names them.
_MODELS = (
    ("mnemoscope-demo.gguf", "MIT", "trained in this project; its licence"),
    ("all-MiniLM-L6-v2", "Apache-2.0", "sentence-transformers/all-MiniLM-L6-v2, converted to GGUF"),
)


@dataclass(frozen=True, slots=True)
class Part:
    """Something inside the package: its name, version, licence in a few words, and the files of its texts."""

    name: str
    version: str
    licence: str
    texts: tuple[Path, ...]


def of_distributions(sources: Iterable[str]) -> list[Part]:
    """Every installed distribution that one of these files belongs to."""
    wanted = {os.path.realpath(source) for source in sources}
    bases: dict[str, str] = {}  # where distributions lie, resolved once: they have tens of thousands of files
    found = {}
    for distribution in distributions():
        base = str(distribution.locate_file(""))
        real = bases.setdefault(base, os.path.realpath(base))
        if any(os.path.normpath(f"{real}/{file}") in wanted for file in distribution.files or ()):
            found[distribution.name] = distribution
    return [_part(found[name]) for name in sorted(found, key=str.lower)]


def _part(distribution: Distribution) -> Part:
    texts = [
        Path(str(distribution.locate_file(file)))
        for file in distribution.files or ()
        if ".dist-info" in str(file) and _TEXT.search(str(file).partition(".dist-info/")[2])
    ]
    licence = _licence(distribution)
    if not texts:
        texts = [_COMMON / file for name, file in _NAMED.items() if name in licence]
    return Part(distribution.name, distribution.version, licence, tuple(t for t in texts if t.is_file()))


def _licence(distribution: Distribution) -> str:
    told = distribution.metadata
    short = next((told[name] for name in ("License-Expression", "License") if name in told), "")
    if short and "\n" not in short and len(short) < 120:
        return short
    classifiers = [c.rpartition(" :: ")[2] for c in told.get_all("Classifier") or () if c.startswith("License ::")]
    return ", ".join(classifiers) or "see the text"


def of_system(sources: Iterable[str]) -> list[Part]:
    """The Debian packages of those files that come from the system; empty where there is no ``dpkg``."""
    if not shutil.which("dpkg"):
        return []
    prefixes = ("/lib", "/usr/lib")
    wanted = sorted({source for source in sources if source.startswith(prefixes)})
    packages: set[str] = set()
    for source in wanted:
        for name in {source, str(Path(source).resolve()), source.removeprefix("/usr")}:
            asked = subprocess.run(["dpkg", "-S", name], capture_output=True, text=True)
            packages |= {line.split(":")[0] for line in asked.stdout.splitlines() if not line.startswith("diversion")}
    return [_system_part(package) for package in sorted(packages)]


def _system_part(package: str) -> Part:
    asked = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True)
    text = Path("/usr/share/doc") / package / "copyright"
    return Part(package, asked.stdout.strip(), "see the text (a library of Debian)", (text,) if text.is_file() else ())


def of_python() -> Part:
    """Python itself; its licence text lies in the standard library."""
    text = Path(sysconfig.get_path("stdlib")) / "LICENSE.txt"
    version = ".".join(map(str, sys.version_info[:3]))
    return Part("Python", version, "PSF-2.0", (text,) if text.is_file() else ())


def write(sources: Iterable[str], folder: Path, further: Iterable[Part] = ()) -> list[str]:
    """Copy the texts to ``folder`` and write its ``INDEX.txt``; the names of parts for which no text was found.

    Args:
        sources: files that went into the package, by their paths on this machine.
        further: parts that no file of ``sources`` tells of.
    """
    listed = list(sources)
    parts = [of_python(), *further, *of_distributions(listed), *of_system(listed)]
    folder.mkdir(parents=True, exist_ok=True)
    models = [f"{name}: {licence} ({what})\n" for name, licence, what in _MODELS]
    (folder / "INDEX.txt").write_text("".join(models), encoding="utf-8")
    return add(parts, folder)


def add(parts: Iterable[Part], folder: Path) -> list[str]:
    """Copy the texts of further parts to ``folder`` and add these to its index; the names of those without a text."""
    without = []
    with (folder / "INDEX.txt").open("a", encoding="utf-8") as index:
        for part in parts:
            copied = [_copy(text, folder / part.name, number) for number, text in enumerate(part.texts)]
            if not copied:
                without.append(part.name)
            where = ", ".join(copied) or "no text came with it"
            index.write(f"{part.name} {part.version}: {part.licence} - {where}\n")
    return without


def _copy(text: Path, folder: Path, number: int) -> str:
    folder.mkdir(exist_ok=True)
    name = f"{number}-{text.name}" if (folder / text.name).exists() else text.name
    target = folder / (name if Path(name).suffix or name.isupper() else f"{name}.txt")
    target.write_bytes(text.read_bytes())
    return f"{folder.name}/{target.name}"
