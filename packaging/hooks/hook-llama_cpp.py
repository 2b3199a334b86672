"""llama.cpp's shared libraries are opened by path, so nothing imports them; PyInstaller must be told.

``MNEMOSCOPE_LLAMA_LIBS`` names a folder of others: the portable build of ``make package``.
"""

import os
import re
from pathlib import Path

from PyInstaller.utils.hooks import get_package_paths

_folder = Path(os.environ.get("MNEMOSCOPE_LLAMA_LIBS") or Path(get_package_paths("llama_cpp")[1]) / "lib")


def _needed(path):
    """Each library lies there under up to three names: only llama itself is opened by its plain one.

    The others are linked with by the one that ends in the major version, when there is one.
    """
    if path.name.startswith("libllama."):
        return path.suffix in (".so", ".dylib", ".dll")
    numbered = path.with_name(f"{path.name}.0")
    return not numbered.exists() and not re.search(r"\.so\.\d+\.", path.name)


binaries = [(str(path), "llama_cpp/lib") for path in sorted(_folder.iterdir()) if path.is_file() and _needed(path)]
excludedimports = ["llama_cpp.server"]
