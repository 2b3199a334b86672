"""Obtaining a file from a model hub, through huggingface_hub, into the hub's own cache (``HF_HOME``).

The download runs in a process of its own: it can be ended at any moment, whatever the network does, and the library
reads its settings (``HF_ENDPOINT``, ``HF_HOME``, ``HF_HUB_OFFLINE``, ``HF_TOKEN``) when it is imported. What has come
stays, and the next attempt goes on behind it; the library itself begins again in a new process. Before the file gets
its name in the cache its sha256 is compared with the one that the hub gives for it.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import re
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import urlparse

from workbench.errors import Cancelled, ModelError

CHUNK = 1 << 18
"""Bytes that are written at once; the library's own 10 MB would be lost by every cut, and a slow line show nothing."""
TICK = 0.1
"""Seconds between looks at the progress and at whether it was cancelled."""


class Fetched(NamedTuple):
    """A file of the hub: its path in the cache, its sha256, and whether this download brought it there."""

    path: Path
    sha256: str
    new: bool


class _Said(NamedTuple):
    """What the downloading process tells: a part to watch, the finished file, or what went wrong."""

    kind: Literal["part", "file", "error"]
    text: str
    remedy: str = ""
    sha256: str = ""
    size: int = 0
    new: bool = False


def fetch(
    repository: str, file: str, progress: Callable[[int, int], None], cancelled: Callable[[], bool] = lambda: False
) -> Fetched:
    """A file of a repository, from the cache or from the hub.

    Args:
        progress: called with (bytes so far, bytes in all) about ten times a second.
        cancelled: asked as often; true ends the download, what has arrived stays.

    Raises:
        Cancelled: when cancelled.
        ModelError: when the hub cannot be reached, does not have the file, or gives another than it says.
    """
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_download, args=(theirs, repository, file), name="mnemoscope-fetch", daemon=True)
    process.start()
    theirs.close()
    try:
        return _follow(ours, file, progress, cancelled)
    finally:
        process.kill()
        process.join()
        ours.close()


def _follow(
    pipe: Connection, file: str, progress: Callable[[int, int], None], cancelled: Callable[[], bool]
) -> Fetched:
    part: _Said | None = None
    while True:
        if cancelled():
            raise Cancelled(f"{file}: cancelled; the same command goes on from here")
        if part is not None:
            with suppress(OSError):
                progress(Path(part.text).stat().st_size, part.size)
        if not pipe.poll(TICK):
            continue
        try:
            said = pipe.recv()
        except EOFError:
            raise ModelError(f"{file}: the download ended without a word", "run the same command again") from None
        if said.kind == "error":
            raise ModelError(said.text, said.remedy)
        if said.kind == "file":
            return Fetched(Path(said.text), said.sha256, said.new)
        part = said


def _download(pipe: Connection, repository: str, file: str) -> None:
    """The downloading process."""
    os.environ |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    import logging

    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, OfflineModeIsEnabled

    logging.disable(logging.WARNING)  # retries are the library's own affair; what fails in the end is said below
    again = "run the same command again; it goes on where it was"
    try:
        pipe.send(_obtain(pipe, repository, file))
    except OfflineModeIsEnabled:
        pipe.send(_Said("error", f"{file} is not in the hub's cache, and HF_HUB_OFFLINE is set", "unset it once"))
    except GatedRepoError:
        remedy = "accept its licence at the hub and set HF_TOKEN"
        pipe.send(_Said("error", f"{repository} is given out only after its licence was accepted", remedy))
    except HfHubHTTPError as error:
        pipe.send(_Said("error", f"the hub did not give {repository} {file}: {_line(error)}", again))
    except ModelError as error:
        pipe.send(_Said("error", error.what, error.remedy))
    except OSError as error:
        remedy = "free some space, or set HF_HOME" if error.errno == 28 else again
        pipe.send(_Said("error", f"{file}: {_line(error)}", remedy))
    except Exception as error:
        text = f"the hub cannot be reached for {repository}: {type(error).__name__}: {_line(error)}"
        pipe.send(_Said("error", text, f"check the network or HF_ENDPOINT, then {again}"))


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


def _obtain(pipe: Connection, repository: str, file: str) -> _Said:
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    known = try_to_load_from_cache(repository, file)
    if isinstance(known, str):
        return _checked(Path(known))
    blob, url, headers, size = _blob(repository, file)
    new = not blob.is_file()
    if new:
        _into(blob, url, headers, size, file, pipe)
    linked = hf_hub_download(repository, file)  # finds the blob, and gives it its name in the cache
    return _Said("file", linked, sha256=blob.name, new=new)


def _checked(path: Path) -> _Said:
    """A file that the cache has: its blob is named by its hash."""
    name = path.resolve().name
    digest = _sha256(path)
    if re.fullmatch("[0-9a-f]{64}", name) and name != digest:
        raise ModelError(f"{path} is damaged (sha256 {digest[:12]}…)", "remove it and run the same command again")
    return _Said("file", str(path), sha256=digest)


def _blob(repository: str, file: str) -> tuple[Path, str, dict[str, str], int]:
    """Where the file's data go in the cache, where they come from, with which headers, and how many bytes they are."""
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import repo_folder_name
    from huggingface_hub.utils import build_hf_headers

    url = hf_hub_url(repository, file)
    about = get_hf_file_metadata(url)
    if not about.etag or not re.fullmatch("[0-9a-f]{64}", about.etag) or not about.size:
        raise ModelError(f"the hub gives no sha256 for {repository} {file}", "get it by hand, then `models add PATH`")
    headers = dict(build_hf_headers())
    if urlparse(about.location).netloc != urlparse(url).netloc:
        headers.pop("authorization", None)  # the token is for the hub, not for the server that holds its files
    folder = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repository, repo_type="model") / "blobs"
    return folder / about.etag, about.location, headers, about.size


def _into(blob: Path, url: str, headers: dict[str, str], size: int, file: str, pipe: Connection) -> None:
    from filelock import FileLock, Timeout

    blob.parent.mkdir(parents=True, exist_ok=True)
    part = blob.with_name(f"{blob.name}.mnemoscope.part")
    lock: Any = FileLock(part.with_suffix(".lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise ModelError(f"{file} is being fetched already", "wait for the other one to end") from None
    try:
        _room(part, size)
        pipe.send(_Said("part", str(part), size=size))
        _append(part, url, headers, size)
        digest = _sha256(part)
        if digest != blob.name:
            part.unlink()
            raise ModelError(
                f"{file} arrived with sha256 {digest[:12]}…, the hub says {blob.name[:12]}…; it was thrown away",
                "run the same command again",
            )
        part.replace(blob)
    finally:
        lock.release()
        with suppress(OSError):
            part.with_suffix(".lock").unlink()


def _append(part: Path, url: str, headers: dict[str, str], size: int) -> None:
    from huggingface_hub import constants
    from huggingface_hub.file_download import http_get

    constants.DOWNLOAD_CHUNK_SIZE = CHUNK
    with part.open("ab") as out:
        have = out.tell()
        if have > size:
            out.truncate(0)
            have = 0
        http_get(url, out, resume_size=have, headers=headers, expected_size=size)


def _room(part: Path, size: int) -> None:
    import shutil

    have = part.stat().st_size if part.exists() else 0
    free = shutil.disk_usage(part.parent).free
    if size - have > free:
        text = f"{part.parent} has {free / 1e9:.1f} GB free, {(size - have) / 1e9:.1f} GB are still to come"
        raise ModelError(text, "free some space, or set HF_HOME")


def _sha256(path: Path) -> str:
    with path.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()
