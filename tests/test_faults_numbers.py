"""Numbers of any length, from whoever may write them: none ends a command."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from mlxtop.change.guard import _own_ssh_port
from mlxtop.cli import main
from mlxtop.doctor.checks.host import _last
from mlxtop.load.commands import may_bind
from mlxtop.load.iperf3_json import parse_stream_line
from mlxtop.model.frame import Frame
from mlxtop.model.identity import Host, natural
from mlxtop.model.sample import Sample
from mlxtop.sampler.settings import read_host
from mlxtop.sources.kernel.gids import read_gid_index
from mlxtop.sources.kernel.hwmon import read_sensors, sensor_name
from mlxtop.sources.kernel.pci import parse_interrupts, read_interrupts
from mlxtop.sources.kernel.proc import Process, read_processes, socket_inodes
from mlxtop.sources.kernel.rdma import read_devices
from mlxtop.sources.kernel.tcp import IPERF3_PORT, SSH_PORT, iperf3_ports, ssh_ports
from mlxtop.sources.module.ethtool_m import parse_ethtool_m
from mlxtop.sources.tools.mlxlink import parse_mlxlink
from mlxtop.system.captured import CapturedSystem
from mlxtop.system.kernel_log import parse_record
from tests.hostile import TEXTS

LONG = "9" * 5000
"""Digits: Python refuses to convert more than 4300."""


NOT_FINITE = ("nan", "-inf", "1e999", "9" * 400, LONG)


def kernel(version: str) -> Frame:
    """A machine that runs a kernel of that version."""
    return Frame(Sample(0.0, 0.0, Host("h", version), (), {}), {})


class Endless(CapturedSystem):
    """A machine whose directories hold numbers of any length, and one that is sensible."""

    def __init__(self, name: str = "7") -> None:
        super().__init__("endless", self, None)  # type: ignore[arg-type]
        self._names = [LONG, f"temp{LONG}_input", "²", "१", name]

    def list(self, path: str) -> list[str]:
        return list(self._names)

    def read(self, path: str) -> bytes:
        return LONG.encode()

    def link(self, path: str) -> str:
        return f"socket:[{path.rpartition('/')[2]}]"

    def real(self, path: str) -> str:
        return path


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda: [p.pid for p in read_processes(Endless())], [7]),
        (lambda: socket_inodes(Endless(), 1), {7}),
        (lambda: read_devices(Endless())[0].ports, (7,)),
        (lambda: read_interrupts(Endless(), "/x", {7: "mlx5_comp0"})[0].number, 7),
        (lambda: [s.path for s in read_sensors(Endless("temp7_input"), "/x")], ["/x/temp7"]),
        (lambda: read_gid_index(Endless(), "mlx5_0", 1, None), None),
        (lambda: read_host(Endless()).programs, ()),
        (lambda: ssh_ports(Endless(), [Process(1, "sshd", ("sshd", "-p", LONG))], []), {SSH_PORT}),
        (lambda: ssh_ports(Endless(), [Process(1, "sshd", (f"-oPort={LONG}",))], []), {SSH_PORT}),
        (lambda: iperf3_ports([Process(1, "iperf3", ("iperf3", "-p", LONG))]), {IPERF3_PORT}),
        (lambda: _last(LONG), None),
        (lambda: may_bind(kernel(f"{LONG}.9")), False),
        (lambda: parse_record(f"6,1,{LONG},-;text"), None),
        (lambda: parse_record(f"6,1,{'9' * 400},-;text"), None),
        (lambda: parse_interrupts(f"{LONG}: 1 mlx5_comp0"), {}),
        (lambda: sensor_name(f"sensor{LONG}", 1), "asic"),
    ],
    ids=lambda _: "",
)
def test_a_number_of_any_length_is_no_number(read: Callable[[], Any], value: Any) -> None:
    assert read() == value


def test_names_with_any_digits_have_an_order() -> None:
    names = [f"eth{LONG}", "eth10", "eth2", "eth", f"{LONG}eth", "eth²", "eth१"]
    order = sorted(names, key=natural)
    assert order.index("eth2") < order.index("eth10")


def test_the_port_of_our_own_login_may_be_any_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", f"10.0.0.2 50000 10.0.0.1 {LONG}")
    assert _own_ssh_port() is None
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.2 50000 10.0.0.1 2222")
    assert _own_ssh_port() == 2222


@pytest.mark.parametrize("number", NOT_FINITE, ids=len)
def test_tools_that_print_such_numbers_print_none(number: str) -> None:
    link = parse_mlxlink(f"Raw Physical BER : {number}\nLink Down Counter : {number}\n")
    assert link.raw_ber is None and link.link_down is None
    value = number.replace("nan", "NaN").replace("inf", "Infinity")
    module = parse_ethtool_m(f'[{{"identifier": 17, "power_class": {value}}}]')
    assert module is None or module.identity.power_class is None
    text = '{"event":"interval","data":{"sum":{"start":0,"end":1,"bits_per_second":%s}}}'
    assert parse_stream_line(text % value) == []


@pytest.mark.parametrize("number", NOT_FINITE[-2:], ids=len)
def test_a_module_has_no_temperature_of_any_length(number: str) -> None:
    module = parse_ethtool_m(
        f"Identifier : 0x11 (QSFP28)\nModule temperature : {number} degrees C\n"
        f"Power class : {number}\nRx power (channel {number}) : 1 mW\n"
    )
    assert module is not None
    assert (module.temperature, module.identity.power_class) == (None, None)


def test_a_sum_of_what_iperf3_tells_is_finite() -> None:
    text = (
        '{"event":"interval","data":{"streams":[{"rtt":%s},{"rtt":%s}],'
        '"sum":{"start":0,"end":1,"bits_per_second":1}}}'
    )
    (interval,) = parse_stream_line(text % ("1.7e308", "1.7e308"))
    assert interval.rtt is None or math.isfinite(interval.rtt)  # type: ignore[union-attr]


def endless_digits() -> str:
    """A captured machine of which names, settings and command lines have any number of digits."""
    text = TEXTS["cx4-x8"]
    links = json.dumps([{"name": f"eth{LONG}", "index": 9}, {"name": f"eth1{LONG}", "index": 10}])
    lines = [line for line in text.splitlines() if not line.startswith("? links")]
    return "\n".join(
        [
            *lines,
            f"? links = {links}",
            *(f"/proc/sys/net/{name} = 4096 {LONG}" for name in ("core/rmem_max", "ipv4/tcp_rmem")),
            f"/proc/sys/kernel/osrelease = {LONG}.{LONG}",
            *(f"/proc/{pid}/comm = {name}" for pid, name in ((11, "sshd"), (12, "iperf3"))),
            *(f'/proc/{pid}/cmdline = "x\\u0000-p\\u0000{LONG}\\u0000"' for pid in (11, 12)),
            *(f"$ {name} --version => 0\n  | iperf 3.12" for name in ("iperf3",)),
            "? sockets = []",
            f"/dev/kmsg = 6,1,{LONG},-;mlx5_core: hot",
            "",
        ]
    )


@pytest.mark.parametrize(
    "words",
    [
        *(("--once", "--all"), ("--once", "--json", "--all"), ("--all", "doctor")),
        *(("link-type",), ("load", "--plan", "10.0.0.3"), ("capture", "-")),
    ],
)
def test_no_command_ends_at_a_number_of_any_length(tmp_path: Path, words: tuple[str, ...]) -> None:
    path = tmp_path / "machine.txt"
    path.write_text(endless_digits())
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        main(["--root", str(path), *words])
    assert "4300" not in err.getvalue() and "--debug" not in err.getvalue()
