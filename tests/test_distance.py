"""PCIe distance between a card and a GPU, from their places in sysfs."""

from __future__ import annotations

import pytest

from mlxtop.analysis.distance import Distance, distance
from mlxtop.lab import ManualClock, load_lab
from mlxtop.model.identity import Function
from mlxtop.model.tuning import Gpu
from mlxtop.sources.kernel.gpus import read_gpus, read_nodes
from mlxtop.system.capture_file import parse_capture
from mlxtop.system.captured import CapturedSystem

ROOT = "/sys/devices/pci0000:15/0000:15:01.0"


def card(path: str, node: int | None = 0) -> Function:
    return Function(path.rpartition("/")[2], 0x15B3, 0x1021, 0x020000, numa_node=node, path=path)


def gpu(path: str, node: int | None = 0) -> Gpu:
    return Gpu(path.rpartition("/")[2], "nvidia", path, node)


NIC = card(f"{ROOT}/0000:16:00.0/0000:17:00.0/0000:18:00.0")


@pytest.mark.parametrize(
    ("path", "far"),
    [
        (f"{ROOT}/0000:16:00.0/0000:17:00.0/0000:18:00.1", "PIX"),
        (f"{ROOT}/0000:16:00.0/0000:17:01.0/0000:1b:00.0", "PIX"),
        (f"{ROOT}/0000:16:00.0/0000:17:01.0/0000:1b:00.0/0000:1c:00.0/0000:1d:00.0", "PXB"),
        (f"{ROOT}/0000:16:01.0/0000:1e:00.0/0000:1f:00.0", "PXB"),
        ("/sys/devices/pci0000:15/0000:15:03.0/0000:20:00.0", "PHB"),
        ("/sys/devices/pci0000:26/0000:26:01.0/0000:27:00.0", "NODE"),
    ],
)
def test_what_both_paths_share_tells_how_far_they_are(path: str, far: str) -> None:
    assert distance(NIC, gpu(path)) == far
    assert distance(gpu(path), NIC) == far


OTHER = "/sys/devices/pci0000:26/0000:26:01.0/0000:27:00.0"


@pytest.mark.parametrize(
    ("mine", "others", "nodes", "far"),
    [
        (0, 1, 2, Distance.SYS),
        (1, 1, 2, Distance.NODE),
        (None, 1, 2, None),
        (None, None, 2, None),
        (None, None, None, None),
        (None, None, 1, Distance.NODE),
    ],
)
def test_across_host_bridges_the_nodes_decide_where_they_are_told(
    mine: int | None, others: int | None, nodes: int | None, far: Distance | None
) -> None:
    assert distance(card(NIC.path, mine), gpu(OTHER, others), nodes) is far


def test_a_device_without_a_place_has_only_its_node() -> None:
    assert distance(card(""), gpu("")) is Distance.NODE


def test_gpus_are_those_devices_of_a_gpu_driver_that_compute_or_draw() -> None:
    text = "\n".join(
        f"/sys/bus/pci/devices/{address} -> ../../../devices/pci0000:15/{address}\n"
        f"/sys/bus/pci/drivers/nvidia/{address} -> ../../../../devices/pci0000:15/{address}"
        for address in ("0000:15:03.0", "0000:15:04.0", "0000:15:05.0")
    )
    capture = parse_capture(
        f"mlxtop capture 1\n{text}\n"
        "/sys/devices/pci0000:15/0000:15:03.0/class = 0x030200\n"
        "/sys/devices/pci0000:15/0000:15:03.0/numa_node = 1\n"
        "/sys/devices/pci0000:15/0000:15:04.0/class = 0x040300\n"
        "/sys/devices/pci0000:15/0000:15:05.0/class = 0x120000\n"
        "/sys/devices/pci0000:15/0000:15:05.0/numa_node = -1\n"
        "/sys/devices/system/node/node0/cpulist = 0\n"
        "/sys/devices/system/node/node1/cpulist = 1\n"
    )
    assert capture.complaints == []
    system = CapturedSystem("m", capture, capture)
    assert [(one.address, one.numa_node) for one in read_gpus(system)] == [
        ("0000:15:03.0", 1),
        ("0000:15:05.0", None),
    ]
    assert read_nodes(system) == 2


def test_every_card_of_the_dgx_has_one_gpu_beside_it() -> None:
    system = load_lab("dgx", ManualClock())
    gpus = read_gpus(system)
    assert len(gpus) == 8
    nic = card(system.real("/sys/bus/pci/devices/0000:9a:00.0"), 1)
    words = [distance(nic, one, 2) for one in gpus]
    assert [words.count(level) for level in Distance] == [1, 0, 0, 3, 4]
