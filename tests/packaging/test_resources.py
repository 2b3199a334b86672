"""What ships with the program is in the wheel, and the citation names this version."""

import fnmatch
import tomllib
from pathlib import Path

import yaml

from tests.test_repo import repository_files
from workbench import __version__


def test_every_resource_is_installed(root: Path) -> None:
    with (root / "pyproject.toml").open("rb") as file:
        installed = tomllib.load(file)["tool"]["setuptools"]["data-files"]
    shipped = [str(p.relative_to(root)) for p in repository_files()]
    shipped = [p for p in shipped if p.startswith(("resources/", "sample_sessions/")) and not p.endswith("README.md")]
    assert len(shipped) > 50
    missing = [
        p
        for p in shipped
        if not any(fnmatch.fnmatch(p, form) for form in installed.get(f"share/mnemoscope/{p.rpartition('/')[0]}", ()))
    ]
    assert missing == []


def test_the_citation_names_this_version(root: Path) -> None:
    cited = yaml.safe_load((root / "CITATION.cff").read_text())
    assert (cited["version"], cited["license"], cited["cff-version"]) == (__version__, "MIT", "1.2.0")
