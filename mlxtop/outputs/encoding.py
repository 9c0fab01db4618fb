"""Standard output and errors that can hold every glyph, if need be as one of ASCII."""

from __future__ import annotations

import codecs
import io
import sys

from mlxtop.present.clean import to_ascii

_HANDLER = "mlxtop-ascii"


def _instead(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that the encoding does not have."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return to_ascii(error.object[error.start : error.end]), error.end


def holds_glyphs() -> bool:
    """Whether standard output can hold what is drawn."""
    return "utf" in (getattr(sys.stdout, "encoding", None) or "utf-8").lower()


def prepare(ascii_only: bool) -> None:
    """Let no text fail to be printed: not under any locale, and not with `--ascii`."""
    codecs.register_error(_HANDLER, _instead)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="ascii" if ascii_only else None, errors=_HANDLER)
