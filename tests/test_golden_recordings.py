"""Recordings of every released version open, and so do those of versions that are still to come.

`tests/recordings/VERSION.mlxrec` was written by that version: 75 seconds of the simulated machine
`faulty`. They are never written anew; each release adds one.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlxtop import __version__
from mlxtop.cli import main
from mlxtop.model.codec_parts import NOT_RECORDED
from mlxtop.model.counters import Origin
from mlxtop.model.identity import PortId
from mlxtop.model.sample import LinkState, Sample, SourceKind
from mlxtop.recording.playback import Playback
from mlxtop.recording.recording import Recording

GOLDEN = sorted((Path(__file__).parent / "recordings").glob("*.mlxrec"))
FIRST, SECOND = PortId("0000:65:00.0", 1), PortId("0000:65:00.1", 1)

Record = dict[str, Any]


@pytest.fixture(params=GOLDEN, ids=lambda path: path.stem)
def golden(request: pytest.FixtureRequest) -> Path:
    path = request.param
    assert isinstance(path, Path)
    return path


def samples(path: Path) -> tuple[list[Sample], list[str]]:
    one = Recording([path])
    return [moment.sample for moment in one.moments()], one.problems.all()


def test_this_version_has_one_too() -> None:
    assert __version__ in [path.stem for path in GOLDEN]


def test_it_opens_and_holds_what_it_held(golden: Path) -> None:
    one = Recording([golden])
    assert (one.host, one.source, one.program) == (
        "faulty",
        SourceKind.DEMO,
        f"mlxtop {golden.stem}",
    )
    there, problems = samples(golden)
    assert problems == []
    assert [sample.wall for sample in there] == [1_760_000_002.0 + n for n in range(75)]
    last = there[-1]
    assert (last.host.cpus, last.host.kernel) == (16, "6.12.48+deb13-amd64")
    port = last.ports[FIRST]
    assert (port.link.state, port.link.speed, port.link.mtu) == (LinkState.UP, 100 * 10**9, 9000)
    assert port.module is not None
    assert port.module.identity.part == "MMA1B00-C100D"
    assert [sensor.celsius for sensor in port.temperatures] == [47.0, 38.25390625]
    assert port.report is not None
    assert port.report.recommendation == "Bad signal integrity"
    assert port.settings.value is not None
    driver = port.readings[Origin.DRIVER]
    assert len(driver.schema.keys) == 481
    assert last.ports[SECOND].absent["module"].startswith("the module's memory reads 0xff")
    assert len([one for sample in there for one in sample.incidents]) == 10


def test_it_can_be_played_and_judged(golden: Path, capsys: pytest.CaptureFixture[str]) -> None:
    playback = Playback(Recording([golden]))
    playback.seek(playback.recording.end)
    assert playback.frame is not None
    assert playback.watch.history.series(FIRST, "rx") is not None
    assert main(["--from", str(golden), "doctor"]) == 1
    assert "rx power of lane 3 is 0.053 mW, below its low warning" in capsys.readouterr().out


def edited(path: Path, folder: Path, edit: Callable[[Record], None]) -> Path:
    """Return a copy whose records were changed by hand."""
    lines = []
    for line in gzip.decompress(path.read_bytes()).splitlines():
        record = json.loads(line)
        edit(record)
        lines.append(json.dumps(record))
    copy = folder / "edited.mlxrec"
    copy.write_bytes(gzip.compress("\n".join([*lines, ""]).encode()))
    return copy


def ports(record: Record) -> Iterator[Record]:
    """Yield what a record says of ports, of new ones too."""
    for port in record.get("sample", {}).get("ports", {}).values():
        yield port[0] if isinstance(port, list) else port


def test_without_fields_that_came_later_the_rest_is_there(golden: Path, tmp_path: Path) -> None:
    gone = {"PortSample": ("module", "settings", "pcie_report"), "Sample": ("cpu", "stored")}

    def edit(record: Record) -> None:
        for kind, names in gone.items():
            if "types" in record:
                fields = record["types"][kind]
                record["types"][kind] = [name for name in fields if name not in names]
        for name in gone["Sample"]:
            record.get("sample", {}).pop(name, None)
        for port in ports(record):
            for name in gone["PortSample"]:
                port.pop(name, None)

    there, problems = samples(edited(golden, tmp_path, edit))
    whole, _ = samples(golden)
    assert problems == []
    assert len(there) == len(whole)
    for sample, then in zip(there, whole, strict=True):
        assert (sample.cpu, sample.absent["cpu"]) == (None, NOT_RECORDED)
        port = sample.ports[FIRST]
        assert (port.module, port.absent["module"]) == (None, NOT_RECORDED)
        assert port.settings.absent == NOT_RECORDED
        assert port.readings == then.ports[FIRST].readings
        assert port.link == then.ports[FIRST].link


def test_fields_and_values_of_a_later_version_are_left_out(golden: Path, tmp_path: Path) -> None:
    def edit(record: Record) -> None:
        if "types" in record:
            record["mlxrec"], record["program"], record["mood"] = 9, "mlxtop 9.0.0", {"a": [1]}
            record["types"]["PortSample"].append("weather")
            record["types"]["Weather"] = ["rain"]
        record["later"] = [{}]
        if "sample" in record:
            record["sample"]["weather"] = {"rain": True}
        for port in ports(record):
            port["weather"] = [{"rain": True}]
            port.get("port", {})["colour"] = "blue"
            if "link" in port:
                port["link"]["mood"] = None

    there, problems = samples(edited(golden, tmp_path, edit))
    assert there == samples(golden)[0]
    assert problems == []


def test_a_state_that_only_a_later_version_knows_takes_its_default(
    golden: Path, tmp_path: Path
) -> None:
    def edit(record: Record) -> None:
        for name, port in record.get("sample", {}).get("ports", {}).items():
            if "key" in record and name == str(FIRST):
                port["link"]["state"] = "hibernating"
            if "key" in record and name == str(SECOND):
                port["port"]["kind"] = "imagined"

    there, _ = samples(edited(golden, tmp_path, edit))
    whole, _ = samples(golden)
    assert len(there) == len(whole)
    for sample, then in zip(there, whole, strict=True):
        assert sample.ports[FIRST].link == then.ports[FIRST].link._replace(state=LinkState.DOWN)
        assert SECOND not in sample.ports, "what it is cannot be known"
        assert sample.ports[FIRST].readings == then.ports[FIRST].readings
