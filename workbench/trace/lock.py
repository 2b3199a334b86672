"""One writer per run file: a lock beside it that dies with the process, and leaves alone what is not its own."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from workbench.errors import TraceError

_SIGN = b"Mnemoscope writes the run file beside this one.\n"


class RunLock:
    """Holds ``PATH.lock``; the operating system lets it go when the process dies, however it dies.

    A file of that name that somebody else made is locked, but neither written nor removed; a link is refused.

    Args:
        path: the run file, links resolved, so that two names of one folder meet at the same lock.

    Raises:
        TraceError: another engine holds it, or the folder cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._name = path.with_name(path.name + ".lock")
        while True:
            self._handle = self._open()
            if os.name == "nt":  # no open file can be removed there
                break
            # Whoever held it may have removed the file between our opening and our locking it.
            with suppress(OSError):
                if os.path.samestat(os.lstat(self._name), os.fstat(self._handle)):
                    break
            os.close(self._handle)
        self._own = self._sign()

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT
        for more in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
            flags |= getattr(os, more, 0)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._name, flags, 0o644)
        except OSError as error:
            raise _refused(self.path, self._name, error) from error
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise TraceError(f"{self._name}: is no plain file", "choose another --out FILE")
            _take(handle)
        except OSError as error:
            os.close(handle)
            remedy = "wait for it, or choose another --out FILE"
            raise TraceError(f"{self.path}: another engine is writing it", remedy) from error
        except TraceError:
            os.close(handle)
            raise
        return handle

    def _sign(self) -> bool:
        """Whether the file is ours: signed, or empty as it was made (earlier versions did not sign)."""
        found = os.read(self._handle, len(_SIGN) + 1)
        if not found:
            with suppress(OSError):  # a full disk: an empty lock is as good
                os.write(self._handle, _SIGN)
        return _SIGN.startswith(found)

    def release(self) -> None:
        """Remove the lock, when it is ours, and let it go."""
        if os.name == "nt":  # an open file cannot be removed there, and one that another engine has opened stays
            os.close(self._handle)
        with suppress(OSError):
            if self._own:
                self._name.unlink()
        if os.name != "nt":
            os.close(self._handle)


def _refused(path: Path, name: Path, error: OSError) -> TraceError:
    if error.errno == errno.ELOOP:
        return TraceError(
            f"{name}: is a link; a lock must be a file of its own", "remove it, or choose another --out FILE"
        )
    return TraceError(f"{path}: cannot be written ({error.strerror})", "choose another --out FILE")


def _take(handle: int) -> None:
    if os.name == "nt":
        import msvcrt

        # Far behind the text, since Windows keeps everybody from reading what is locked.
        os.lseek(handle, 1 << 20, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        os.lseek(handle, 0, os.SEEK_SET)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
