"""Files that are written whole or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path

from workbench.errors import MnemoscopeError


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all. Raises ``MnemoscopeError`` when it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", -1, "utf-8", errors="replace", dir=path.parent, prefix=".", delete=False
        ) as handle:
            part = Path(handle.name)
            try:
                handle.write(text)
                handle.close()
                part.chmod(0o644)
                part.replace(path)
            except OSError:
                part.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise MnemoscopeError(f"{path}: cannot be written ({error.strerror})", "choose another place") from error
