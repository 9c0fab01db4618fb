"""The files of a run: its record with both ends, its Samples, and what could not be written."""

from __future__ import annotations

import json
from pathlib import Path

from mlxtop.load.far import FarEnd
from mlxtop.load.request import LoadRequest
from mlxtop.load.run_files import RunFiles
from mlxtop.load.run_log import SUFFIX
from mlxtop.model.sample import Sample

from .load_lab import first_frame, planned, simulated


class Samples:
    """A file of Samples that lacks something at its end, or nothing."""

    def __init__(self, lacks: str | None) -> None:
        self.lacks, self.taken = lacks, list[Sample]()

    def put(self, sample: Sample) -> None:
        self.taken.append(sample)

    def close(self) -> str | None:
        return self.lacks


def test_a_record_begins_with_the_plan_and_the_cards_of_both_ends(tmp_path: Path) -> None:
    system, made = simulated("pacu"), list[tuple[Path, Samples]]()
    frame = first_frame(system)

    def make(path: Path) -> Samples:
        made.append((path, Samples(None)))
        return made[-1][1]

    files = RunFiles(system, tmp_path, make)
    far = FarEnd("fry", first_frame(simulated("fry")), "enp67s0np0")
    files.begin(frame, planned(LoadRequest("10.0.0.3")), "dusty", far)
    files.put(frame)
    files.put_far(far.newest)
    files.put_far(far.newest)
    files.close()
    assert files.record is not None and files.problem is None
    files.record.close()
    assert [path.name for path, _ in made] == [
        f"{files.record.id}{SUFFIX}",
        f"{files.record.id}.far{SUFFIX}",
    ]
    assert [len(samples.taken) for _, samples in made] == [2, 3]
    assert {one.host.name for one in made[1][1].taken} == {"fry"}
    head = json.loads((tmp_path / f"{files.record.id}.jsonl").read_text().splitlines()[0])
    assert (head["note"], head["host"], head["far"]["host"]) == ("dusty", "pacu", "fry")
    assert head["far"]["ports"][0]["card"] == "ConnectX-4"


def test_what_is_lacking_at_the_end_is_told(tmp_path: Path) -> None:
    system = simulated("pacu")
    files = RunFiles(system, tmp_path, lambda _: Samples("the disk is full"))
    files.close()
    assert files.problem == "the disk is full"


def test_a_folder_that_cannot_be_written_costs_the_record_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    system = simulated("pacu")
    files = RunFiles(system, tmp_path / "file", lambda _: Samples(None))
    files.begin(first_frame(system), planned(LoadRequest("10.0.0.3")), "", None)
    files.close()
    assert files.record is None
    assert files.problem is not None and files.problem.startswith("this run is not recorded: ")
