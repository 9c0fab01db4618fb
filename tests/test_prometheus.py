"""Real Prometheus, promtool and node_exporter read what the program tells."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from mlxtop.commands.metrics import shared
from mlxtop.lab import MACHINES as MACHINE_NAMES
from tests.ports import free_port

pytestmark = pytest.mark.slow
TESTS = Path(__file__).parent
MACHINES = ("fry", "faulty", "ceph", "aging")
"""A module that gets too hot, PCIe errors and a hung sensor, a link that is cut."""
WATCHED_S = 120.0
HERE = ("--all",)
"""This machine has no card, and network devices."""


BY_CHANCE = {"mlxtop_asic_temperature_forecast_seconds"}
"""The chip of fry comes near its limit, and not each time so near that a forecast is sure of it;
`test_port_metrics` has one that is."""


def need(program: str, package: str) -> str:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{package} is not installed")
    return path


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def until(true: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait for something that another program does."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


def answers(url: str) -> bool:
    try:
        get(url)
    except OSError:
        return False
    return True


@contextmanager
def running(argv: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program until the end of the block."""
    with log.open("wb") as file, subprocess.Popen(argv, stdout=file, stderr=file) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(20)


def exporter(*words: str, port: int) -> list[str]:
    listen = ("metrics", "--listen", f"127.0.0.1:{port}", "-d", "0.25" if "fry" in words else "2")
    return [sys.executable, "-m", "mlxtop", *words, *listen]


class Prometheus:
    """One that runs, asked by its interface."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def ask(self, expression: str) -> list[dict[str, Any]]:
        query = urllib.parse.urlencode({"query": expression})
        found = json.loads(get(f"{self.url}/api/v1/query?{query}"))
        assert found["status"] == "success"
        result: list[dict[str, Any]] = found["data"]["result"]
        return result

    def ever(self, name: str) -> bool:
        """Whether there was a sample of a name since the start."""
        return bool(self.ask(f"last_over_time({name}[10m])"))

    def firing(self) -> set[tuple[str, str]]:
        """Alerts that fired at some time, with the machine."""
        asked = self.ask('max_over_time(ALERTS{alertstate="firing"}[10m])')
        return {(one["metric"]["alertname"], one["metric"]["job"]) for one in asked}


@contextmanager
def prometheus(place: Path, jobs: Mapping[str, int]) -> Iterator[Prometheus]:
    """A Prometheus with the shipped rules that scrapes what listens at the ports, by job."""
    program = need("prometheus", "prometheus")
    (place / "mlxtop.rules.yml").write_text(shared("rules"))
    scrapes = "".join(
        f"  - {{job_name: {job}, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n"
        for job, port in jobs.items()
    )
    (place / "prometheus.yml").write_text(
        "global: {scrape_interval: 2s, evaluation_interval: 2s}\n"
        f"rule_files: [{place}/mlxtop.rules.yml]\nscrape_configs:\n{scrapes}"
    )
    port = free_port()
    argv = [
        program,
        f"--config.file={place}/prometheus.yml",
        f"--storage.tsdb.path={place}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with running(argv, place / "prometheus.log"):
        one = Prometheus(port)
        until(lambda: answers(f"{one.url}/-/ready"))
        yield one


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    yield {job: free_port() for job in (*MACHINES, "here")}


@pytest.fixture(scope="module")
def watched(
    tmp_path_factory: pytest.TempPathFactory, ports: dict[str, int]
) -> Iterator[Prometheus]:
    """A Prometheus that has scraped simulated machines and this one for two minutes."""
    need("prometheus", "prometheus")
    place = tmp_path_factory.mktemp("prometheus")
    with ExitStack() as stack:
        for job, port in ports.items():
            words = HERE if job == "here" else ("--demo", job)
            stack.enter_context(running(exporter(*words, port=port), place / f"{job}.log"))
        for port in ports.values():
            until(lambda port=port: answers(f"http://127.0.0.1:{port}/metrics"))  # type: ignore[misc]
        one = stack.enter_context(prometheus(place, ports))
        begin = time.monotonic()
        until(lambda: time.monotonic() - begin >= WATCHED_S, WATCHED_S + 10)
        until(lambda: ("MlxtopModuleTooHot", "fry") in one.firing(), WATCHED_S)
        until(lambda: one.ever("mlxtop_port_last_flap_timestamp_seconds"), WATCHED_S)
        yield one


def names(text: str) -> set[str]:
    """Names of metrics and recorded series of ours in expressions."""
    return set(re.findall(r"\bmlxtop(?:_\w+|(?::\w+)+)", text))


def expressions(where: str) -> str:
    if where == "rules":
        text = re.sub(r"#.*", "", shared("rules"))
        return re.sub(r"- name: \w+", "", text)
    panels = json.loads(shared("dashboard"))
    shown = [target["expr"] for panel in panels["panels"] for target in panel.get("targets", ())]
    asked = [one["definition"] for one in panels["templating"]["list"] if "definition" in one]
    return "\n".join([*shown, *asked])


@pytest.mark.parametrize("where", ["rules", "dashboard"])
def test_every_name_in_rules_and_dashboard_has_samples(watched: Prometheus, where: str) -> None:
    found = names(expressions(where))
    assert len(found) > 10
    assert {name for name in found - BY_CHANCE if not watched.ever(name)} == set()


def test_every_expression_of_the_dashboard_is_understood(watched: Prometheus) -> None:
    for line in expressions("dashboard").splitlines():
        if not line.startswith("label_values"):
            text = re.sub(r"\$(instance|netdev|device|far_instance|far_netdev)\b", ".*", line)
            watched.ask(text.replace("$__rate_interval", "1m"))


def test_all_machines_are_scraped_without_trouble(
    watched: Prometheus, ports: dict[str, int]
) -> None:
    assert {one["metric"]["job"] for one in watched.ask("up == 1")} == set(ports)
    assert {one["metric"]["job"] for one in watched.ask("min_over_time(up[10m]) == 0")} == set()
    kinds = {one["metric"]["kind"] for one in watched.ask("mlxtop_build_info")}
    assert kinds == {"demo", "live"}


def test_the_overheat_of_fry_fires_its_alerts_and_no_other_machine_s(watched: Prometheus) -> None:
    firing = watched.firing()
    assert {("MlxtopModuleHot", "fry"), ("MlxtopModuleTooHot", "fry")} <= firing
    assert {job for alert, job in firing if alert == "MlxtopModuleTooHot"} == {"fry"}
    assert ("MlxtopHeatForecast", "fry") in firing
    assert [alert for alert, job in firing if job == "here"] == []


def test_the_cut_cable_of_ceph_fires_its_alert(watched: Prometheus) -> None:
    until(lambda: ("MlxtopLinkLost", "ceph") in watched.firing(), 60.0)


STEADY = """
  abs(
    sum without (share, direction) (
      rate(mlxtop_port_bytes_total{job="fry",share="all",direction="tx"}[40s])
    ) / avg_over_time(mlxtop_port_tx_bytes_per_second{job="fry"}[40s]) - 1
  )
  and min_over_time(mlxtop_port_tx_bytes_per_second{job="fry"}[40s]) > 1e9
"""
"""By how much the rate of the counter differs from the rate that the screen shows, as a mean, where
the load of fry ran all the time."""


def test_rates_agree_with_the_screen_within_a_percent(watched: Prometheus) -> None:
    """With four samples a second a reading is old by a quarter of one at most: 0.6 % of 40 s.

    Most of the time, since a busy machine takes samples late.
    """
    compared = watched.ask(f"count_over_time(({STEADY})[10m:2s])")
    assert int(compared[0]["value"][1]) >= 3
    (off,) = watched.ask(f"quantile_over_time(0.5, ({STEADY})[10m:2s])")
    assert float(off["value"][1]) < 0.01


# ---- promtool


def promtool(*words: str, text: str = "", at: Path | None = None) -> str:
    done = subprocess.run(
        [need("promtool", "prometheus"), *words],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        cwd=at,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def metrics_of(machine: str) -> str:
    argv = [sys.executable, "-m", "mlxtop", "--demo", machine, "metrics"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def told() -> dict[str, str]:
    """The metrics of every simulated machine; together, since each waits for its second sample."""
    with ThreadPoolExecutor(8) as pool:
        return dict(zip(MACHINE_NAMES, pool.map(metrics_of, MACHINE_NAMES), strict=True))


@pytest.mark.parametrize("name", list(MACHINE_NAMES))
def test_promtool_finds_nothing_in_the_metrics_of_any_simulated_machine(
    told: dict[str, str], name: str
) -> None:
    assert promtool("check", "metrics", text=told[name]) == ""


def test_promtool_takes_the_rules_and_their_tests(tmp_path: Path) -> None:
    rules = tmp_path / "mlxtop.rules.yml"
    rules.write_text(shared("rules"))
    assert "SUCCESS" in promtool("check", "rules", str(rules))
    shutil.copy(TESTS / "rules_test.yml", tmp_path)
    assert "SUCCESS" in promtool("test", "rules", "rules_test.yml", at=tmp_path)


# ---- node_exporter


def test_node_exporter_serves_the_textfile_beside_its_own(tmp_path: Path) -> None:
    program = need("prometheus-node-exporter", "prometheus-node-exporter")
    place = tmp_path / "textfile"
    place.mkdir()
    argv = [sys.executable, "-m", "mlxtop", "--demo", "faulty", "metrics", "--textfile"]
    subprocess.run([*argv, str(place / "mlxtop.prom")], check=True, capture_output=True)
    port = free_port()
    serve = [
        program,
        f"--web.listen-address=127.0.0.1:{port}",
        f"--collector.textfile.directory={place}",
    ]
    with running(serve, tmp_path / "log"):
        url = f"http://127.0.0.1:{port}/metrics"
        until(lambda: answers(url))
        served = get(url)
    assert "node_textfile_scrape_error 0" in served
    written = samples((place / "mlxtop.prom").read_text())
    assert written
    assert written == {name: count for name, count in samples(served).items() if name in written}
    log = (tmp_path / "log").read_text().splitlines()
    assert [line for line in log if "textfile" in line and "level=error" in line] == []
    assert "mlxtop" not in "".join(name for name in samples(served) if name not in written)


def samples(text: str) -> Counter[str]:
    """How many samples there are of each name of ours."""
    return Counter(re.findall(r"^(mlxtop_\w+)", text, re.MULTILINE))
