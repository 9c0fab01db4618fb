"""The formats of Prometheus and OpenMetrics, read back by the parsers of prometheus_client."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from functools import partial

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse_text

from mlxtop.lab import MACHINES
from mlxtop.outputs.machine_metrics import families_of
from mlxtop.outputs.openmetrics import OPEN, TEXT, Machines, chosen, render, text
from tests.metrics import lab_machine, machine_of
from tests.samples import PACU, ethernet, pacu, sample

ODD = 'a"b\\c\nd\udc80{}é,='


def machines(name: str) -> Machines:
    machine = lab_machine(name)
    return lambda: [machine]


@pytest.mark.quick("pacu", "ceph", "aging", "hdr")
@pytest.mark.parametrize("name", MACHINES)
def test_both_formats_hold_every_sample_of_every_simulated_machine(name: str) -> None:
    ask = machines(name)
    expected = sum(len(family.rows) for family in families_of(ask()))
    for parse, accept in ((parse_text, ""), (parse_open, OPEN)):
        body = render(ask, accept, zipped=False).body.decode()
        assert sum(len(family.samples) for family in parse(body)) == expected


def test_the_text_format_has_help_and_type_of_each_name_and_no_timestamps() -> None:
    lines = text(lambda: [machine_of(pacu(1.0), pacu(2.0))]).decode().splitlines()
    samples = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"mlxtop_\w+\{.*\} \S+", line) for line in samples)
    named = {line.partition("{")[0] for line in samples}
    for kind in ("HELP", "TYPE"):
        assert {line.split()[2] for line in lines if line.startswith(f"# {kind}")} == named


def test_open_metrics_has_units() -> None:
    body = render(lambda: [machine_of(pacu(1.0))], OPEN, zipped=False).body.decode()
    assert "# UNIT mlxtop_port_bytes bytes" in body
    assert "# UNIT mlxtop_module_temperature_celsius celsius" in body
    assert body.endswith("# EOF\n")


def test_the_scraper_chooses_the_format_and_gzip() -> None:
    ask = partial(machine_of, pacu(1.0))
    plain = render(lambda: [ask()], "text/plain", zipped=False)
    assert plain.content_type.startswith("text/plain; version=0.0.4")
    zipped = render(lambda: [ask()], OPEN, zipped=True)
    assert zipped.content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert gzip.decompress(zipped.body).startswith(b"# HELP mlxtop_")


@pytest.mark.parametrize(
    ("accept", "format_"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/plain;version=0.0.4, application/openmetrics-text", TEXT),
        ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", OPEN),
        ("application/openmetrics-text; version=99.x; escaping=<b>", OPEN),
        ("Application/OpenMetrics-Text", OPEN),
    ],
)
def test_what_a_client_writes_chooses_one_of_two_formats_and_is_not_written_back(
    accept: str, format_: str
) -> None:
    assert chosen(accept) == format_
    told = render(list, accept, zipped=False)
    assert "<" not in told.content_type and "99" not in told.content_type


def test_a_port_of_an_odd_name_is_escaped_and_read_back() -> None:
    odd = ethernet(PACU._replace(netdev=ODD), 1.0, 0, 0)
    body = text(lambda: [machine_of(sample(1.0, odd))]).decode()
    names = {
        one.labels["netdev"]
        for family in parse_text(body)
        for one in family.samples
        if one.name == "mlxtop_port_up"
    }
    assert names == {'a"b\\c d?{}é,='}


def test_a_machine_of_which_nothing_is_known_yet_is_an_empty_text() -> None:
    assert text(list) == b""


def test_nothing_but_its_command_imports_the_library() -> None:
    code = (
        "import sys; from mlxtop.cli import main; "
        "main(['--demo', '--once', '-d', '0']); main(['manual']); "
        "print([m for m in sys.modules if m.startswith('prometheus')], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"
