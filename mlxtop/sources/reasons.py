"""Why something could not be read, in words for people."""

from __future__ import annotations

import errno
import os

_REASONS = {
    errno.EOPNOTSUPP: "the driver does not tell it",
    errno.EPERM: "needs root",
    errno.EACCES: "needs root",
    errno.ENOENT: "this kernel has no such file",
    errno.ENODEV: "the device is gone",
}


def reason(error: OSError, captured: bool = False) -> str:
    """Why something could not be read, in words."""
    number = error.errno or 0
    if error.strerror and error.strerror != os.strerror(number):
        return error.strerror
    if captured and number == errno.ENOENT:
        return "not in this capture"
    return _REASONS.get(number) or error.strerror or str(error)
