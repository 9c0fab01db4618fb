"""Whoever changes a module finds its tests by its name."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import mlxtop

ROOT = Path(mlxtop.__file__).parent
TESTS = Path(__file__).parent
MODULES = sorted(path for path in ROOT.rglob("*.py") if not path.name.startswith("__"))
STEMS = Counter(path.stem for path in MODULES)

PACKAGES = (
    *("model", "sampler", "analysis", "watch"),
    *("doctor", "change", "load", "link_type", "path", "outputs", "recording", "report"),
)
"""Others have tests by what people see: pages, screens, subcommands, simulated machines."""
SMALL = 40
"""Lines up to which a module needs no test file."""

ELSEWHERE = {
    "doctor/inspect.py": "in test_doctor_command and test_doctor_lab, which read machines by it",
    "doctor/ends_alike.py": "in test_doctor_ends, with all checks of two ends",
    "doctor/rack.py": "in test_doctor_ends, whose checks look at it",
    "model/codec_types.py": "in test_codec_parts, whose codecs it makes",
    "model/incident.py": "values without behaviour",
    "model/machine.py": "values without behaviour",
    "analysis/pause_time.py": "in test_analysis_congestion, beside the priorities",
    "analysis/transport.py": "in test_analysis_congestion, beside what it goes with",
    "model/flash.py": "values; in test_flint and test_passport, which read them",
    "model/lldp.py": "values; in test_lldp, which reads them",
    "model/qos.py": "values; in test_sources_qos, which reads them",
    "watch/event_list.py": "in test_watch, whose list it is",
    "watch/alert.py": "values; in test_watch_heat and test_watch_alarms, which make and keep them",
    "watch/congestion.py": "in test_analysis_congestion and test_checks_congestion",
    "sampler/fact_readers.py": "in test_facts: the table and what reads by it",
    "sampler/line_places.py": "in test_incident_fold, whose lines it places",
    "sampler/open_incident.py": "in test_incident_fold, which makes them of lines",
    "load/commands.py": "in test_load_plan: what the plans of all tools share",
    "load/iperf3_plan.py": "in test_load_plan",
    "load/perftest_plan.py": "in test_load_plan",
    "load/servers.py": "in test_load_session and test_load_command, which run them",
    "load/reader.py": "in the tests of the tools, whose errors it explains",
    "load/iperf3_json.py": "in test_load_iperf3: the forms of one tool's output, one result",
    "load/iperf3_text.py": "in test_load_iperf3",
    "load/record.py": "in test_run_log: what is written is read back",
    "model/rdma_objects.py": "in test_rdma_objects, beside the lists that they are made of",
    "model/sample.py": "values; what joins two of them is in test_frame",
    "outputs/counter_metrics.py": "in test_port_metrics, beside all else that a port has",
    "outputs/port_document.py": "in test_document: the part of it that a port has",
    "outputs/report_charts.py": "in test_report_html, which draws them",
    "outputs/report_style.py": "in test_report_html",
    "report/values.py": "values; in test_report_collect, which makes them",
    "recording/moments.py": "in test_stream: bytes to lines to Samples",
    "recording/parts.py": "in test_recording, which begins reading at them",
    "recording/target.py": "in test_recorder, which writes to them",
    "recording/survey.py": "in test_playback, which seeks by it",
    "path/run.py": "in test_path_command and test_path_real, which run it as a whole",
    "path/tracks.py": "in test_path_session, which judges and chooses by them",
    "sampler/devices.py": "in test_live: the sampler follows their events",
    "sampler/reader_table.py": "in test_port_readers, which are made of its rows",
    "sampler/settings.py": "in test_tuning, beside the values that it reads",
    "sampler/source.py": "a protocol, and a loop that every test of a front end runs",
}
"""Modules whose tests have another name, and why."""


def names(path: Path) -> set[str]:
    """Return the names that the test file of a module may have."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    long = {f"test_{package}_{path.stem}" for package in parts[:-1]}
    return long | ({f"test_{path.stem}"} if STEMS[path.stem] == 1 else set())


def needs_tests(path: Path) -> bool:
    """Return whether a module is long enough, and of a package that this holds for."""
    package = path.relative_to(ROOT).parts[0]
    return package in PACKAGES and len(path.read_text().splitlines()) > SMALL


def test_a_module_has_a_test_file_of_its_name() -> None:
    there = {test.stem for test in TESTS.glob("test_*.py")}
    without = {str(path.relative_to(ROOT)) for path in MODULES if not names(path) & there}
    assert {name for name in without - ELSEWHERE.keys() if needs_tests(ROOT / name)} == set()


def test_modules_with_tests_elsewhere_exist() -> None:
    assert [name for name in ELSEWHERE if not (ROOT / name).exists()] == []


def test_a_name_that_two_modules_share_is_told_apart_by_its_package() -> None:
    assert names(ROOT / "model" / "pcie.py") == {"test_model_pcie"}
    assert names(ROOT / "analysis" / "verdict.py") == {"test_analysis_verdict", "test_verdict"}
