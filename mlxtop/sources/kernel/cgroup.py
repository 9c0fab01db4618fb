"""The container, job or unit that a process belongs to, from its control group.

https://man7.org/linux/man-pages/man7/cgroups.7.html
"""

from __future__ import annotations

import re

_ENGINES = re.compile(
    r"(docker|libpod|crio|cri-containerd|containerd)[-/:](?:[^/]*[-:])?([0-9a-f]{12})[0-9a-f]{52}"
)
_BARE_CONTAINER = re.compile(r"/([0-9a-f]{12})[0-9a-f]{52}(?:/|$)", re.MULTILINE)
_POD = re.compile(r"kubepods\S*?pod([0-9a-f]{8})")
_JOB = re.compile(r"slurm\S*?/job_(\d{1,18})")
_LXC = re.compile(r"lxc(?:\.payload)?[./]([\w.-]+)")
_UNIT = re.compile(r"/([^/\n]+)\.service(?:/|$)", re.MULTILINE)
_NAMES = {"libpod": "podman", "crio": "cri-o", "cri-containerd": "containerd"}


def parse_service(text: str | None) -> str | None:
    """Return what a `/proc/PID/cgroup` names; None for a session of a person, and for nothing.

    >>> parse_service("0::/system.slice/docker-" + "3f2a9c04b1d7" + "0" * 52 + ".scope")
    'docker 3f2a9c04b1d7'
    >>> parse_service("0::/system.slice/slurmstepd.scope/job_4217/step_0/user/task_0")
    'Slurm job 4217'
    >>> parse_service("0::/system.slice/opensm.service")
    'opensm.service'
    >>> parse_service("0::/user.slice/user-1000.slice/session-3.scope")
    """
    text = text or ""
    if job := _JOB.search(text):
        return f"Slurm job {job[1]}"
    if pod := _POD.search(text):
        return f"pod {pod[1]}"
    if one := _ENGINES.search(text):
        return f"{_NAMES.get(one[1], one[1])} {one[2]}"
    if lxc := _LXC.search(text):
        return f"lxc {lxc[1]}"
    if bare := _BARE_CONTAINER.search(text):
        return f"container {bare[1]}"
    units = [unit for unit in _UNIT.findall(text) if not unit.startswith("user@")]
    return f"{units[-1]}.service" if units else None
