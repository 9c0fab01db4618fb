"""A user's script for alarms and losses: no shell, a clean environment, a time limit.

`[hooks]` of the settings file names a script for an event: `alarm = "~/bin/sms"`. Under sudo the
script of another user's settings file runs as that user or not at all.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Callable, Mapping
from threading import Lock, Thread

from mlxtop.analysis.heat import Forecast
from mlxtop.analysis.heatwatch import Alert, AlertKind
from mlxtop.system.door import System

TIMEOUT = 30.0
"""Seconds that a script may take."""
AT_ONCE = 4
"""Scripts that may run at the same time; more alerts than that are told as left out."""

PATH = "/usr/local/bin:/usr/bin:/bin"


class HookRefused(Exception):
    """A script that will not be run, and why."""


def misnamed(hooks: Mapping[str, str]) -> list[str]:
    """Names of hooks that are no event."""
    return sorted(set(hooks) - set(AlertKind))


def owner_of(settings_file: str, environ: Mapping[str, str] = os.environ) -> pwd.struct_passwd:
    """Whose hooks these are. Raises HookRefused, and OSError when there is no such file."""
    uid = os.stat(settings_file).st_uid
    me = os.geteuid()
    allowed = {me}
    if me == 0 and environ.get("SUDO_UID", "").isdecimal():
        allowed.add(int(environ["SUDO_UID"]))
    if uid not in allowed:
        raise HookRefused(f"{settings_file} belongs to another user")
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise HookRefused(f"{settings_file} belongs to a user without a name") from None


def script_of(text: str, owner: pwd.struct_passwd) -> str:
    """The path of a script that may be run as `owner`. Raises HookRefused."""
    path = text
    if path.startswith("~/"):
        path = os.path.join(owner.pw_dir, path[2:])
    if not path.startswith("/"):
        raise HookRefused(f"{text}: not an absolute path")
    try:
        found = os.stat(path)
    except OSError as error:
        raise HookRefused(f"{text}: {error.strerror}") from None
    if not stat.S_ISREG(found.st_mode) or not found.st_mode & 0o111:
        raise HookRefused(f"{text}: not an executable file")
    if found.st_uid not in (0, owner.pw_uid) or found.st_mode & stat.S_IWOTH:
        raise HookRefused(f"{text}: others could change it")
    return path


def environment(alert: Alert, owner: pwd.struct_passwd) -> dict[str, str]:
    """What the script gets to know; unknown is an empty string."""
    port = alert.port
    known = {
        "EVENT": str(alert.kind),
        "PORT": str(port.id),
        "NETDEV": port.netdev or "",
        "RDMA": port.rdma or "",
        "SENSOR": alert.sensor or "",
        "VALUE": _number(alert.value),
        "UNIT": alert.unit,
        "LIMIT": _number(alert.limit),
        "FORECAST": _forecast(alert.forecast),
        "TEXT": alert.text,
    }
    own = {f"MLXTOP_NIC_{key}": _printable(value) for key, value in known.items()}
    return {
        "PATH": PATH,
        "HOME": owner.pw_dir,
        "USER": owner.pw_name,
        "LOGNAME": owner.pw_name,
        "LC_ALL": "C.UTF-8",
        **own,
    }


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _forecast(future: Forecast | None) -> str:
    """°C that it will settle at; empty where that is not known."""
    return "" if future is None or future.settles is None else f"{future.settles:.1f}"


def _printable(text: str) -> str:
    """Text of devices, without what could confuse a terminal or a script."""
    return "".join(c if c.isprintable() else "?" for c in text)


class Hooks:
    """The scripts of a settings file; `fire` starts one in the background."""

    def __init__(
        self,
        system: System,
        hooks: Mapping[str, str],
        settings_file: str,
        complain: Callable[[str], None],
    ) -> None:
        """`complain` is told of everything that went wrong, from any thread."""
        self._system = system
        self._hooks = hooks
        self._file = settings_file
        self._complain = complain
        self._running: set[tuple[AlertKind, str]] = set()
        self._lock = Lock()

    def fire(self, alert: Alert) -> None:
        """Run the script of an event; returns at once."""
        script = self._hooks.get(alert.kind)
        if not script or self._system.demo or self._system.captured:
            return
        key = (alert.kind, str(alert.port.id))
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
                said = _printable(finished.stderr.strip().partition("\n")[0])
                self._complain(f"hook {alert.kind}: status {finished.status} {said}".rstrip())
        except HookRefused as refusal:
            self._complain(f"hook {alert.kind}: {refusal}")
        except OSError as error:
            self._complain(f"hook {alert.kind}: {error.strerror or error}")
        finally:
            with self._lock:
                self._running.discard(key)

    def _command(self, alert: Alert, script: str) -> list[str]:
        """The script with its environment as its owner, as arguments and never through a shell."""
        owner = owner_of(self._file)
        path = script_of(script, owner)
        known = [f"{key}={value}" for key, value in environment(alert, owner).items()]
        argv = ["/usr/bin/env", "-i", *known, path]
        if owner.pw_uid == os.geteuid():
            return argv
        user = [f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--init-groups"]
        return ["/usr/bin/setpriv", *user, "--", *argv]
