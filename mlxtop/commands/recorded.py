"""`mlxtop --from FILE`: what the program would have said at a time of a recording."""

from __future__ import annotations

import argparse
from functools import partial

from mlxtop.commands import doctor, metrics, rdma
from mlxtop.commands.arguments import UsageError, check, without_screen
from mlxtop.commands.recordings import events_of
from mlxtop.model.sample import SourceKind
from mlxtop.outputs import console, headless
from mlxtop.recording.moments import WARM_S
from mlxtop.recording.recording import Recording, is_recording, open_recording
from mlxtop.recording.then import frames_between
from mlxtop.settings import Settings

_TELLERS = {
    "doctor": doctor.run_recorded,
    "metrics": metrics.run_recorded,
    "rdma": rdma.run_recorded,
}
_NAMES = "doctor, metrics or rdma"


def take_root(args: argparse.Namespace) -> None:
    """Let a recording that `--root` names be shown as it ends: by `--from`, or on the screen."""
    if not is_recording(args.root):
        return
    if args.command or without_screen(args):
        args.recording, args.root = args.root, None
        check(args)
    elif args.port_name is not None:
        raise UsageError(f"a recording goes without {args.port_name!r}: no port for it")
    else:
        args.command, args.file, args.stand_at, args.root = "replay", args.root, "end", None


def say(args: argparse.Namespace, settings: Settings) -> int:
    """Print it; return the exit status that the program would have had."""
    if args.command not in (None, *_TELLERS):
        raise UsageError(f"{args.command} is of this machine; --from goes with {_NAMES}")
    if not (args.command or args.once or args.json_stream or args.batch):
        names = f"--once, --json-stream, --batch, {_NAMES}"
        raise UsageError(f"--from goes with {names}; the screen is mlxtop replay FILE")
    recording = open_recording(args.recording)
    wall = time_at(args.at, recording)
    if args.command:
        status = _TELLERS[args.command](args, recording, wall, settings)
    else:
        status = _frames(args, recording, wall, settings)
    console.warn(*(f"mlxtop: {args.recording}: {text}" for text in recording.problems.all()))
    return status


def time_at(text: str | None, recording: Recording) -> float | None:
    """Return the time of `--at`; None without one. Raises ValueError where it is outside."""
    return None if text is None else recording.time(text, partial(events_of, recording))


def _frames(
    args: argparse.Namespace, recording: Recording, wall: float | None, settings: Settings
) -> int:
    kind, demo = SourceKind.REPLAY, recording.source is SourceKind.DEMO
    if args.once:
        until = recording.end if wall is None else wall
        frames = frames_between(recording, until - WARM_S, wall)
        return headless.once(frames, kind, args.json, args.interval == 0, settings.all, demo=demo)
    frames = frames_between(recording, recording.begin if wall is None else wall)
    if args.json_stream:
        return headless.stream(frames, kind, args.count, demo=demo)
    return headless.batch(frames, kind, args.count)
