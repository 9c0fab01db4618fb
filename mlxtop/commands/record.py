"""`mlxtop record`: write everything that is read of this machine into a recording."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

from mlxtop.link_type.survey import read_stored
from mlxtop.model.frame import Frame
from mlxtop.model.path import PathSettings
from mlxtop.outputs import console
from mlxtop.path.follow import follow
from mlxtop.recording import files, when
from mlxtop.recording.on_alarm import AlarmSaver
from mlxtop.recording.prepare import Preparer
from mlxtop.recording.recorder import Recorder
from mlxtop.recording.target import Target
from mlxtop.recording.unit import Rights, unit
from mlxtop.sampler.facts import EVERYTHING
from mlxtop.sampler.live import LiveSource
from mlxtop.sampler.source import frames, set_by_signals
from mlxtop.settings import Settings
from mlxtop.system.door import System
from mlxtop.system.notify import ServiceManager
from mlxtop.system.service_unit import own_program
from mlxtop.watch.watch import Watch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add where to, how long, and what is kept."""
    add = parser.add_argument
    into = "file to write, which may not exist, or a folder; - prints; else your own folder"
    add("file", nargs="?", metavar="FILE", help=into)
    add(
        "--for",
        dest="seconds",
        type=_typed(when.length),
        metavar="TIME",
        help="end after so long: 1h",
    )
    add("--keep", type=_typed(when.length), metavar="TIME", help="in a folder: keep 7d (48h)")
    most = "in a folder: keep 2G at most (1G)"
    add("--max-size", type=_typed(when.size), metavar="BYTES", help=most)
    alarm = "write only when an alarm begins: the minutes before it, and five after the last"
    add("--on-alarm", action="store_true", help=alarm)
    add(
        "--unit",
        nargs="?",
        const=str(Rights.DYNAMIC),
        choices=[str(one) for one in Rights],
        help="print a systemd unit that records, as a user of its own or as root",
    )


def _typed(read: Callable[[str], Any]) -> Callable[[str], Any]:
    def typed(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return typed


def run(args: argparse.Namespace, system: System, settings: Settings) -> int:
    """Record until stopped; 0 when all is written."""
    if args.unit:
        return _print_unit(args, settings.path)
    target = _target(args)
    if args.on_alarm and target.directory is None:
        raise ValueError("--on-alarm writes into a folder: give none, or one that exists")
    source = LiveSource(
        system,
        settings.interval,
        settings.all,
        settings.include,
        incidents=True,
        wants=EVERYTHING,
        ask_card=read_stored,
    )
    hold_s = float(settings.flight or files.HOLD_S) if args.on_alarm else 0.0
    keep = (args.keep or files.KEEP_S, args.max_size or files.MAX_BYTES)
    said = keep if args.keep or args.max_size else None
    recorder = Recorder(system.clock, source.kind, settings.interval, hold_s=hold_s, keep=said)
    saver = AlarmSaver(recorder, target) if args.on_alarm else None
    stop = set_by_signals(Event())
    with closing(source):
        if saver is None:
            recorder.write_to(target)
        taken = follow(source, system, settings.path, _complain).over(frames(source, stop))
        _record(taken, recorder, saver, stop, args.seconds, preparer=Preparer(system, stop))
    recorder.close()
    if args.json and target.fd is None:
        path = str(recorder.last_path) if recorder.last_path else None
        console.say_json(
            {
                "file": path,
                "samples": recorder.written,
                "dropped": recorder.dropped,
                "problem": recorder.problem,
            }
        )
    return _told(recorder, target)


def _record(
    taken: Iterable[Frame],
    recorder: Recorder,
    saver: AlarmSaver | None,
    stop: Event,
    seconds: float | None,
    *,
    preparer: Preparer | None = None,
) -> None:
    """Give the recorder all frames until that time has passed, or it cannot write."""
    manager, watch, begin = (
        ServiceManager(),
        Watch(verdicts=False, frames=False, forecasts=False),
        None,
    )
    told: Path | None = None
    problem: str | None = None
    for frame in taken:
        tick = frame.sample.tick
        recorder.put(frame.sample)
        if saver is not None:
            for alert in watch.ingest(frame):
                saver.note(alert)
            saver.advance(tick)
        if begin is None:
            begin = tick
            recorder.flush()
            manager.ready("waiting for an alarm" if saver else "recording")
        if recorder.last_path != told:
            told = recorder.last_path
            console.warn(f"mlxtop: recording into {told}")
        if saver is not None and recorder.problem not in (None, problem):
            problem = recorder.problem
            console.warn(f"mlxtop: {problem}")
        manager.alive(tick)
        if preparer is not None:
            preparer.advance(recorder.path, tick)
        over = seconds is not None and tick - begin >= seconds
        if over or (recorder.problem is not None and saver is None):
            break
    stop.set()
    manager.stopping()


def _told(recorder: Recorder, target: Target) -> int:
    """Say how it went; return the exit status."""
    if target.fd is None:
        dropped = f", {recorder.dropped} were dropped" if recorder.dropped else ""
        console.warn(f"mlxtop: {recorder.written} samples recorded{dropped}")
    if recorder.problem is not None:
        if target.fd is not None and "Broken pipe" in recorder.problem:
            return 0  # whoever read it has what they wanted
        console.warn(f"mlxtop: {recorder.problem}")
        return 1
    return 0


def _target(args: argparse.Namespace) -> Target:
    keep_s, most = args.keep, args.max_size
    if args.file is None:
        return Target(directory=files.own_recordings(), keep_s=keep_s, most=most)
    if args.file == "-":
        if sys.stdout.isatty():
            raise ValueError("a recording is no text for a terminal: mlxtop record - | …")
        return Target(fd=os.dup(sys.stdout.fileno()))
    path = Path(os.path.abspath(args.file))
    if path.is_dir():
        folder = Path(os.path.realpath(path))
        return Target(directory=folder, keep_s=keep_s, most=most, is_own=False)
    if args.keep or args.max_size:
        raise ValueError("--keep and --max-size are of a folder; FILE is one file that grows")
    return Target(path)


def _print_unit(args: argparse.Namespace, paths: PathSettings) -> int:
    """Print the unit with the options that were given."""
    if args.file is not None:
        raise ValueError("--unit goes without FILE: systemd makes the folder")
    arguments = []
    if args.keep:
        arguments += ["--keep", f"{args.keep:.0f}s"]
    if args.max_size:
        arguments += ["--max-size", f"{args.max_size / 1e6:.3f}M"]
    if args.on_alarm:
        arguments.append("--on-alarm")
    rights = Rights(args.unit)
    console.say(*unit(own_program(), arguments, rights, paths.addresses).splitlines())
    return 0


def _complain(text: str) -> None:
    console.warn(f"mlxtop: {text}")
