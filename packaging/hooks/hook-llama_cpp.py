"""llama.cpp's shared libraries are opened by path, so nothing imports them; PyInstaller must be told.

``MNEMOSCOPE_LLAMA_LIBS`` names a folder of others: the portable build of ``make package``.
"""

import os
from pathlib import Path

from PyInstaller.utils.hooks import get_package_paths

_folder = Path(os.environ.get("MNEMOSCOPE_LLAMA_LIBS") or Path(get_package_paths("llama_cpp")[1]) / "lib")

# Each library lies there under up to three names; what is opened are the plain ones, what is linked has a number.
binaries = [(str(path), "llama_cpp/lib") for path in sorted(_folder.iterdir()) if path.is_file()]
excludedimports = ["llama_cpp.server"]
