"""Errors that a person reads: one line that says what is wrong, where, and what to do."""


class MnemoscopeError(Exception):
    """Something the user can act on. ``str(error)`` is the one line that is shown.

    Args:
        what: what is wrong, with the place (file, key, turn).
        remedy: what to do about it; appended after a dash when given.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        self.what, self.remedy = what, remedy
        super().__init__(f"{what} - {remedy}" if remedy else what)


class UsageError(MnemoscopeError):
    """Wrong usage of a command or a lane SPEC (exit code 2)."""


class SessionFormatError(MnemoscopeError):
    """A session file that cannot be read; names the file and the place in it."""


class TraceError(MnemoscopeError):
    """A run file that cannot be opened, written or understood."""


class ModelError(MnemoscopeError):
    """A model file or the inference library cannot be used."""


class Unavailable(MnemoscopeError):
    """What computes cannot be used now: a server that does not answer, a device without memory left.

    It ends a run at a whole step; the same command goes on from there.
    """


class Cancelled(Exception):
    """The user cancelled the run; everything committed so far stays."""
