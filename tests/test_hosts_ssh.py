"""A real ssh to a real sshd: installed and sent far sides, and everything that can be refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mlxtop.hosts.ssh import far_script
from tests.ports import free_port
from tests.ssh_lab import MISSING, Far, agents, children_of, far_side, soon

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(MISSING, reason="needs root, ssh and sshd"),
]


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Far]:
    """A far side on which mlxtop is installed."""
    with far_side(tmp_path) as one:
        yield one
    assert soon(lambda: not agents(one.far_home)), "a far side was left running"


def documents(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, object]]:
    machines = json.loads(done.stdout)["machines"]
    return {one["machine"]: one for one in machines}


def refused(far: Far, *words: str) -> str:
    """The line about fry; this machine is shown all the same."""
    done = far.run("--all", "-H", "fry", *words, "--once")
    assert done.stdout.startswith("local" if "--no-local" not in words else "fry")
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("mlxtop: fry: ")
    return line.removeprefix("mlxtop: fry: ")


def test_two_machines_are_one_document(far: Far) -> None:
    done = far.run("--all", "-H", "fry", "--once", "--json")
    found = documents(done)
    assert done.stderr == "" and list(found) == ["local", "fry"]
    assert found["fry"]["host"]["name"] == os.uname().nodename  # type: ignore[index]
    assert found["fry"]["problems"] == found["local"]["problems"]
    assert [len(one["adapters"]) for one in found.values()] == [1, 1]  # type: ignore[arg-type]


def test_where_mlxtop_is_missing_it_is_sent_and_kept_nowhere(tmp_path: Path) -> None:
    with far_side(tmp_path, "/usr/bin:/bin") as far:
        done = far.run("--all", "-H", "fry", "--once", "--json", "--no-local", "--json")
        assert "no mlxtop there: one was sent to its Python 3." in done.stderr
        one = json.loads(done.stdout)
        assert "machine" not in one and one["host"]["name"] == os.uname().nodename
        assert list(far.far_home.iterdir()) == []
    assert soon(lambda: not agents(far.far_home))


def test_an_older_mlxtop_is_passed_over(tmp_path: Path) -> None:
    far = Far(tmp_path, free_port())
    old = far.path("old", {"mlxtop": "echo agent is neither a port nor a command >&2; exit 1"})
    try:
        far.start(f"{old}:/usr/bin:/bin")
        done = far.run("--all", "-H", "fry", "--once", "--no-local")
        assert "no mlxtop there: one was sent" in done.stderr and "Virtual" in done.stdout
    finally:
        far.stop()


@pytest.mark.parametrize(
    ("programs", "told"),
    [
        ({}, "neither mlxtop nor python3 3.11 or newer is there"),
        (
            {"python3": 'case "$*" in *-V*) echo Python 3.9.2;; *) exit 1;; esac'},
            "neither mlxtop nor python3 3.11 or newer is there (python3 is Python 3.9.2)",
        ),
    ],
)
def test_without_a_python_that_is_new_enough_one_line_says_so(
    tmp_path: Path, programs: dict[str, str | None], told: str
) -> None:
    far = Far(tmp_path, free_port())
    try:
        far.start(far.path("bare", {"sh": None, **programs}))
        assert refused(far) == told
    finally:
        far.stop()


def test_a_python_that_is_too_old_is_passed_over_for_a_newer_one(tmp_path: Path) -> None:
    far = Far(tmp_path, free_port())
    old = far.path("old", {"python3": 'case "$*" in *-V*) echo Python 3.9.2;; *) exit 1;; esac'})
    try:
        far.start(f"{old}:/usr/bin:/bin")
        done = far.run("--all", "-H", "fry", "--once", "--no-local")
        assert "one was sent to its Python 3." in done.stderr and done.returncode == 0
    finally:
        far.stop()


def test_a_banner_is_not_taken_for_the_recording(tmp_path: Path) -> None:
    far = Far(tmp_path, free_port())
    banner = tmp_path / "banner"
    banner.write_text("WELCOME TO FRY\nauthorised use only\n")
    noisy = far.path("noisy", {"sh": 'echo "Welcome!"; printf "no line end"; exec /bin/sh "$@"'})
    try:
        far.start(f"{noisy}:{far.with_mlxtop()}", f"Banner {banner}")
        done = far.run("--all", "-H", "fry", "--once")
        assert done.returncode == 0 and done.stderr == ""
        assert "WELCOME" not in done.stdout and done.stdout.count("Virtual devices") == 2
    finally:
        far.stop()


def test_a_refused_key_is_one_line(far: Far) -> None:
    far.configure(far.key("stranger"))
    assert "Permission denied (publickey" in refused(far)


def test_a_changed_host_key_is_one_line(far: Far) -> None:
    public = far.key("another").with_suffix(".pub").read_text().split()
    (far.folder / "known").write_text(f"[127.0.0.1]:{far.port} {public[0]} {public[1]}\n")
    assert refused(far) == "Host key verification failed."


def test_no_sshd_is_one_line(far: Far) -> None:
    far.stop()
    assert "Connection refused" in refused(far)


@contextmanager
def far_user(rule: str) -> Iterator[Far]:
    """A far side on which `fry`, who is not root, may use sudo as a rule says.

    The files of /etc that this takes are those of a mount namespace; the machine's stay.
    """
    with TemporaryDirectory(prefix="mlxtop-sudo-") as name:
        folder, binds = Path(name), []
        folder.chmod(0o755)  # its keys are read as that user
        accounts = Path("/etc/passwd").read_text() + "fry:*:64321:65534::/:/bin/sh\n"
        for file, text in (("passwd", accounts), ("sudoers", f"fry ALL=(root) {rule}\n")):
            (folder / file).write_text(text)
            (folder / file).chmod(0o444)
            binds.append(f"mount --bind {folder}/{file} /etc/{file}")
        enter = ("unshare", "-m", "--propagation", "private", "sh", "-c")
        started_by = (*enter, f'{" && ".join(binds)} && exec "$@"', "sh")
        far = Far(folder, free_port(), user="fry", started_by=started_by)
        try:
            far.start(far.with_mlxtop())
            yield far
        finally:
            far.stop()


def users_of(pids: Iterable[int]) -> set[str]:
    """Names of programs with the ids of their users."""
    found = set()
    for pid in pids:
        with suppress(OSError):
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
            found.add(f"{status['Name'][:6]} {status['Uid'].split()[1]}")
    return found


needs_sudo = pytest.mark.skipif(not shutil.which("sudo"), reason="needs sudo")


@needs_sudo
def test_with_sudo_the_far_side_is_root_and_without_it_who_logs_in() -> None:
    with far_user("NOPASSWD: ALL") as far:
        sshd = far.processes[0].pid
        for words, user in ((["--sudo"], "python 0"), ([], "python 64321")):
            near = far.begin("--all", "-H", "fry", "--no-local", "--json-stream", *words)
            assert near.stdout is not None
            assert json.loads(near.stdout.readline())["host"]["name"] == os.uname().nodename
            users = {name for name in users_of(children_of(sshd)) if name.startswith("python")}
            assert users == {user}
            near.terminate()
            near.communicate()
            assert soon(lambda: not children_of(sshd)), "a far side was left running"


@needs_sudo
def test_a_sudo_that_asks_for_a_password_is_one_line() -> None:
    with far_user("ALL") as far:
        assert refused(far, "--sudo") == "sudo: a password is required"


@pytest.mark.parametrize("host", ["-oProxyCommand=x", "a b", "a\nb", "a;b", "", "x@-y", "a\x1bb"])
def test_what_is_no_host_name_starts_no_ssh(far: Far, host: str) -> None:
    done = far.run(f"--host={host}", "--once")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == f"mlxtop: invalid host name: {host!r}\n"
    assert "Accepted" not in (far.folder / "sshd.log").read_text()


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("echo nonsense; exec cat /dev/zero", "it prints more than a login would"),
        ("exit 0", "the connection ended"),
        ("echo $2 >&2; exit 7", ""),
    ],
)
def test_a_far_side_that_sends_rubbish_costs_its_own_rows_only(
    tmp_path: Path, program: str, told: str
) -> None:
    far = Far(tmp_path, free_port())
    bad = far.path("bad", {"sh": program})
    try:
        far.start(f"{bad}:/usr/bin:/bin")
        assert told in refused(far)
    finally:
        far.stop()


def test_garbage_behind_the_token_is_given_up(tmp_path: Path) -> None:
    far = Far(tmp_path, free_port())
    text = 'echo; echo "$2 installed 9.9 3.11.0"; exec cat /dev/urandom'
    try:
        far.start(f"{far.path('bad', {'mlxtop': text})}:/usr/bin:/bin")
        assert refused(far) == "it sends something else than samples"
    finally:
        far.stop()


# ---- what goes on, and what is lost


def lines_of(process: subprocess.Popen[str], count: int) -> list[dict[str, object]]:
    assert process.stdout is not None
    return [json.loads(process.stdout.readline()) for _ in range(count)]


def test_every_end_of_the_near_side_ends_the_far_one(far: Far) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        near = far.begin("--all", "-H", "fry", "--no-local", "--json-stream", "-d", "0.2")
        lines_of(near, 2)
        assert agents(far.far_home)
        near.send_signal(number)
        near.wait(10)
        assert soon(lambda: not agents(far.far_home)), number


def test_a_killed_ssh_is_told_of_and_tried_again(far: Far) -> None:
    near = far.begin("--all", "-H", "fry", "--json-stream", "-d", "0.5")
    try:
        assert soon(lambda: agents(far.far_home))
        while {one["machine"] for one in lines_of(near, 6)} != {"local", "fry"}:
            pass
        ssh = [
            p for p in children_of(near.pid) if b"ssh" in Path(f"/proc/{p}/cmdline").read_bytes()
        ]
        os.kill(ssh[0], signal.SIGKILL)
        assert near.stderr is not None
        assert near.stderr.readline().startswith("mlxtop: fry: the connection ended")
        began = time.monotonic()
        while lines_of(near, 1)[0]["machine"] != "fry":
            assert time.monotonic() - began < 20
        assert len(lines_of(near, 4)) == 4
    finally:
        near.terminate()
        near.wait(10)


def test_doctor_passport_and_metrics_name_their_machine(far: Far) -> None:
    found = documents(far.run("--all", "-H", "fry", "--json", "doctor", seconds=90))
    assert list(found) == ["local", "fry"] and all("findings" in one for one in found.values())
    cards = documents(far.run("--all", "-H", "fry", "--json", "passport"))
    assert [(one["cards"], one["problem"]) for one in cards.values()] == [([], None)] * 2
    text = far.run("--all", "-H", "fry", "metrics").stdout
    assert 'mlxtop_build_info{device="",host="fry",kind="remote"' in text
    assert 'mlxtop_build_info{device="",host="local",kind="live"' in text


def test_groups_of_the_settings(far: Far) -> None:
    folder = far.home / ".config" / "mlxtop-nic"
    folder.mkdir(parents=True)
    (folder / "settings.toml").write_text('all = true\n[hosts.rack1]\nnames = ["fry", "leela"]\n')
    done = far.run("-H", "@rack1", "--no-local", "--once", "--json")
    assert list(documents(done)) == ["fry", "leela"]
    wrong = far.run("-H", "@rack2", "--once")
    assert wrong.returncode == 1
    assert wrong.stderr == "mlxtop: no group '@rack2' in the settings: there are @rack1\n"


def test_the_script_has_no_quote_that_a_login_shell_could_take() -> None:
    assert "'" not in far_script("abc", 'import sys;f=open(0,\\"rb\\")', sudo=True)
