"""Run a user's script for alarms and losses: no shell, a clean environment, a time limit.

`[hooks]` of the settings file names a script for an event: `alarm = "~/bin/sms"`. It runs in `/` as
the person who runs the program, under sudo as its caller, and only where nobody else could have
changed the settings, the script, or a directory on the way to it.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Callable, Mapping
from threading import Lock, Thread

from mlxtop.system.door import System
from mlxtop.system.owner import Owner, invoking_owner, others_can_change, rights_of, weak_part
from mlxtop.watch.alert import Alert, AlertKind

TIMEOUT = 30.0
"""Seconds that a script may take."""
AT_ONCE = 4
"""Scripts that may run at the same time; more alerts than that are told as left out."""

EVENTS = [kind for kind in AlertKind if kind is not AlertKind.WARMING]
"""Events that can have a script."""
FACTS = (
    *("EVENT", "PORT", "NETDEV", "RDMA", "SENSOR", "VALUE", "UNIT", "LIMIT", "FORECAST", "TEXT"),
    *("PEER", "WAY", "HOST"),
)
"""What a script is told, in variables whose names begin with MLXTOP_NIC_."""
PATH = "/usr/local/bin:/usr/bin:/bin"


class HookRefused(Exception):
    """A script that will not be run, and why."""


def misnamed(hooks: Mapping[str, str]) -> list[str]:
    """Return the names of hooks that are no event."""
    return sorted(set(hooks) - set(EVENTS))


def runner(
    file: os.stat_result | None, environ: Mapping[str, str] = os.environ
) -> pwd.struct_passwd:
    """Return the user whose rights scripts have: the person who asked, whoever owns the file.

    `file` is the settings file as it was read. Raises HookRefused.
    """
    try:
        asked = pwd.getpwuid(invoking_owner(environ).uid)
    except KeyError:
        raise HookRefused("this user has no name") from None
    if file is None or file.st_uid not in {0, os.stat("/").st_uid, asked.pw_uid}:
        raise HookRefused("the settings file belongs to another user")
    if others_can_change(file, asked.pw_uid, asked.pw_gid):
        raise HookRefused("other users can change the settings file")
    return asked


def script_of(text: str, user: pwd.struct_passwd) -> str:
    """Return the path of a script that may be run as `user`. Raises HookRefused.

    Nobody but `user` and root can put another file there afterwards: so the path stays good.
    """
    path = os.path.join(user.pw_dir, text[2:]) if text.startswith("~/") else text
    if not path.startswith("/"):
        raise HookRefused(f"{text}: not an absolute path")
    try:
        with rights_of(Owner(user.pw_uid, user.pw_gid, user.pw_dir)):
            weak = weak_part(path, user.pw_uid, user.pw_gid)
            mode = os.stat(path).st_mode
    except (OSError, ValueError) as error:
        raise HookRefused(f"{text}: {getattr(error, 'strerror', None) or error}") from None
    if not stat.S_ISREG(mode) or not mode & 0o111:
        raise HookRefused(f"{text}: not an executable file")
    if weak is not None:
        raise HookRefused(f"{text}: other users can change {weak}")
    return path


def environment(alert: Alert, user: pwd.struct_passwd, host: str = "") -> dict[str, str]:
    """Return the environment of a script; unknown is an empty string.

    `host`: the machine's name among several.
    """
    port, future = alert.port, alert.forecast
    settles = future.settles if future else None
    facts = {
        "EVENT": str(alert.kind),
        "PORT": str(port.id),
        "NETDEV": port.netdev or "",
        "RDMA": port.rdma or "",
        "SENSOR": alert.sensor or "",
        "VALUE": "" if alert.value is None else f"{alert.value:g}",
        "UNIT": alert.unit,
        "LIMIT": "" if alert.limit is None else f"{alert.limit:g}",
        "FORECAST": "" if settles is None else f"{settles:.1f}",
        "TEXT": alert.text,
        "PEER": alert.peer,
        "WAY": alert.way,
        "HOST": host,
    }
    assert tuple(facts) == FACTS
    return {
        "PATH": PATH,
        "HOME": user.pw_dir,
        "USER": user.pw_name,
        "LOGNAME": user.pw_name,
        "LC_ALL": "C.UTF-8",
        **{f"MLXTOP_NIC_{key}": _printable(value) for key, value in facts.items()},
    }


def _printable(text: str) -> str:
    """Return text of devices without what could confuse a terminal or a script."""
    return "".join(c if c.isprintable() else "?" for c in text)


class Hooks:
    """The scripts of a settings file; `fire` starts one in the background."""

    def __init__(
        self,
        system: System,
        hooks: Mapping[str, str],
        settings_file: os.stat_result | None,
        complain: Callable[[str], None],
        host: str = "",
    ) -> None:
        """`settings_file` as it was read; `complain` is told what went wrong, from any thread.

        `host`: the machine of the alerts, where there are several; scripts run on this one.
        """
        self._host = host
        self._system = system
        self._hooks = hooks
        self._file = settings_file
        self._complain = complain
        self._running: set[tuple[AlertKind, str]] = set()
        self._lock = Lock()

    def faults(self) -> list[str]:
        """Return what would keep scripts from running when their event comes, a line each."""
        lines = [f"{name} is no event" for name in misnamed(self._hooks)]
        for event in () if self._idle else EVENTS:
            if script := self._hooks.get(event):
                try:
                    script_of(script, runner(self._file))
                except HookRefused as refusal:
                    lines.append(f"{event}: {refusal}")
        return lines

    @property
    def _idle(self) -> bool:
        """Return True for no real machine: no script runs."""
        return self._system.demo or self._system.captured

    def fire(self, alert: Alert) -> None:
        """Run the script of an event; returns at once."""
        script = self._hooks.get(alert.kind)
        if not script or self._idle:
            return
        key = (alert.kind, f"{alert.port.id} {alert.peer} {alert.way}")
        with self._lock:
            if key in self._running or len(self._running) >= AT_ONCE:
                self._complain(f"hook {alert.kind}: left out, scripts are still running")
                return
            self._running.add(key)
        name = f"hook {alert.kind}"
        Thread(target=self._run, args=(alert, script, key), name=name, daemon=True).start()

    def _run(self, alert: Alert, script: str, key: tuple[AlertKind, str]) -> None:
        try:
            finished = self._system.run(self._command(alert, script), timeout=TIMEOUT)
            if finished.timed_out:
                self._complain(f"hook {alert.kind}: ended after {TIMEOUT:g} s")
            elif finished.status:
                line = _printable(finished.stderr.strip().partition("\n")[0])
                self._complain(f"hook {alert.kind}: status {finished.status} {line}".rstrip())
        except HookRefused as refusal:
            self._complain(f"hook {alert.kind}: {refusal}")
        except OSError as error:
            self._complain(f"hook {alert.kind}: {error.strerror or error}")
        finally:
            with self._lock:
                self._running.discard(key)

    def _command(self, alert: Alert, script: str) -> list[str]:
        """Return the command that runs a script as its user, as arguments and without a shell."""
        user = runner(self._file)
        path = script_of(script, user)
        variables = [
            f"{key}={value}" for key, value in environment(alert, user, self._host).items()
        ]
        argv = ["/usr/bin/env", "-i", *variables, path]
        if user.pw_uid == os.geteuid():
            return argv
        rights = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--init-groups"]
        return ["/usr/bin/setpriv", *rights, "--", *argv]
