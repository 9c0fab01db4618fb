"""A passport of every simulated machine; newer, crossflashed and pending firmware; backups."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import Any, cast

import pytest

from mlxtop.lab import MACHINES
from mlxtop.model.flash import Flash
from mlxtop.model.sample import Sample
from mlxtop.model.sample_codec import SampleDecoder, SampleEncoder
from mlxtop.passport.backup import Backup, NoBackup, back_up
from mlxtop.passport.card import Passport, of_sample, with_others
from mlxtop.passport.collect import collect
from mlxtop.passport.images import read_images
from mlxtop.passport.support import crossflashed, knows, support_of
from mlxtop.present.passport import document, flash_section, lines
from mlxtop.present.text import line_width, plain
from mlxtop.sampler.discover import discover
from mlxtop.sampler.facts import Fact
from mlxtop.sampler.live import LiveSource
from mlxtop.system.door import Finished, System
from tests.load_lab import simulated

IMAGE = bytes(range(256)) * 512


def passports(system: System, wanted: dict[str, str] | None = None, **more: Any) -> list[Passport]:
    inventory = discover(system)
    return collect(system, inventory, inventory.adapters, wanted or {}, **more)


@pytest.mark.parametrize("name", MACHINES)
def test_every_simulated_machine_has_one(name: str) -> None:
    system = simulated(name)
    cards = passports(system)
    assert len(cards) == len(system.world.cards)
    for card in cards:
        assert card.part and card.serial and card.running and card.ports
        assert card.flash or card.absent["flash"]
        assert card.crossflashed is None and card.newer == ()
        assert card.serial not in str(document(card, False))
        assert document(card, True)["serial"] == card.serial
        for columns in (60, 80):
            printed = list(lines(card, columns, False))
            assert max(map(line_width, printed)) <= columns
            assert card.serial not in "".join(map(plain, printed))


def test_a_tool_too_new_for_the_card_is_named() -> None:
    (card,) = passports(simulated("tiny"))
    assert card.tool is not None and card.tool.knows_card is False
    assert "4.25 is the last" in card.absent["flash"]
    assert "issues/590" in (card.source or "")


@pytest.mark.parametrize(
    ("family", "version", "known"),
    [
        ("ConnectX-3 Pro", "4.25.1", True),
        ("ConnectX-3", "4.26.0", False),
        ("ConnectX-2", "3.8.0", True),
        ("ConnectX-2", "4.21.0", None),
        ("ConnectX-7", "4.31.0", True),
        ("ConnectX-7", "unknown", None),
    ],
)
def test_which_release_knows_which_card(family: str, version: str, known: bool | None) -> None:
    assert knows(family, version) is known
    assert (support_of(family) is None) == (family == "ConnectX-7")


@pytest.mark.parametrize(
    ("part", "psid", "original", "odd"),
    [
        ("764285-B21", "HP_1380110017", None, False),
        ("764285-B21_Ax", "MT_1090120019", None, True),
        ("MCX354A-FCB", "HP_1380110017", None, False),
        (None, "MT_1", None, False),
        ("01T7NW", None, None, False),
        ("MCX1", "MT_2", "HUA1", True),
        ("MCX1", "MT_2", "MT_2", False),
    ],
)
def test_crossflashed_is_said_only_where_it_is_certain(
    part: str | None, psid: str | None, original: str | None, odd: bool
) -> None:
    assert (crossflashed(part, psid, original) is not None) == odd


@pytest.mark.parametrize(
    ("version", "newer"),
    [("12.28.2007", True), ("12.28.2006", False), ("12.9.9999", False), ("16.1.1", False)],
)
def test_newer_is_what_the_person_says(version: str, newer: bool) -> None:
    system = simulated("pacu")
    (card,) = passports(system, {"MT_2180110032": version, "MT_1": "99.1.1"})
    assert bool(card.newer) == newer
    image = ("a.bin", Flash(version=version, psid="MT_2180110032"))
    (card,) = passports(system, images=[image, ("b.bin", Flash(version="12.99.1", psid="X"))])
    assert bool(card.newer) == newer


def test_what_waits_for_a_reset_comes_with_the_levels_that_the_tool_offers() -> None:
    system = simulated("pacu")
    spec = system.world.cards[0].spec
    object.__setattr__(spec, "stored", "12.28.2302")
    (card,) = passports(system)
    assert card.pending and (card.running, card.stored) == ("12.28.2006", "12.28.2302")
    assert card.resets == (
        "level 3: Driver restart and PCI reset (default)",
        "level 4: Warm Reboot",
    )


class Bench:
    """A simulated machine taken for a real one, whose flash can be read out."""

    demo = False
    which: Callable[[str], str | None]

    def __init__(self, image: bytes = IMAGE, verifies: bool = True, psid: str = "") -> None:
        self.inner = simulated("pacu")
        self.image, self.verifies, self.psid = image, verifies, psid or "MT_2180110032"
        self.ran: list[tuple[str, ...]] = []
        self.root = True
        self.which = self.inner.which

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def run(self, argv: Sequence[str], **more: Any) -> Finished:
        self.ran.append(tuple(argv))
        if argv[3:4] == ("ri",):
            Path(argv[4]).write_bytes(self.image)
            return Finished(0, "", "")
        if argv[1] == "-i" and argv[3] == "verify":
            words = "succeeded. Image is bootable." if self.verifies else "failed: Bad CRC"
            return Finished(0, f"-I- FW image verification {words}\n", "")
        if argv[1] == "-i" and not argv[2].endswith("bad.bin"):
            return Finished(0, f"FW Version:  12.28.2006\nPSID:  {self.psid}\n", "")
        if argv[-1] == "backup":
            Path(argv[4]).write_text("MLNX_RAW_TLV_FILE\n")
            return Finished(0, "Saving output... Done!", "")
        return self.inner.run(argv, **more)


def backup(bench: Bench, folder: Path) -> Backup:
    system = cast(System, bench)
    return back_up(system, passports(system)[0], str(folder))


def test_a_backup_is_private_checked_and_says_how_to_go_back(tmp_path: Path) -> None:
    bench, folder = Bench(), tmp_path / "new"
    made = backup(bench, folder)
    assert made.image and made.missing == []
    files = {path.suffix: path for path in folder.iterdir()}
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.iterdir())
    assert files[".bin"].read_bytes() == IMAGE
    sums = dict(line.split("  ")[::-1] for line in files[".sha256"].read_text().splitlines())
    assert sums[files[".bin"].name] == hashlib.sha256(IMAGE).hexdigest()
    note = (folder / files[".sha256"].name.replace(".sha256", ".txt")).read_text()
    assert f"-i {files['.bin'].name} burn" in note and "set_raw" in note
    words = {word for argv in bench.ran for word in argv}
    assert not words & {"burn", "b", "set", "set_raw", "reset", "-y", "-yy", "sg", "hw"}


def test_a_backup_never_writes_over_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    monkeypatch.setattr(bench.inner, "wall", lambda: 1_795_158_435.0)
    backup(bench, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    bench.image = IMAGE + b"x"
    with pytest.raises(FileExistsError):
        backup(bench, tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("bench", "why"),
    [
        (lambda: Bench(verifies=False), "does not verify"),
        (lambda: Bench(image=b"\xff" * (1 << 17)), "are no image"),
        (lambda: Bench(image=IMAGE[:100]), "are no image"),
        (lambda: Bench(psid="HP_1"), "PSID is HP_1"),
    ],
)
def test_an_image_that_is_not_right_is_not_kept(bench: Any, why: str, tmp_path: Path) -> None:
    made = backup(bench(), tmp_path)
    assert not made.image and why in made.missing[0]
    assert not list(tmp_path.glob("*.bin"))


def test_a_backup_needs_root_and_a_real_card(tmp_path: Path) -> None:
    bench = Bench()
    card = passports(cast(System, bench))[0]
    bench.root = False
    with pytest.raises(NoBackup, match="needs root: sudo"):
        back_up(cast(System, bench), card, str(tmp_path / "a"))
    with pytest.raises(NoBackup, match="real card"):
        back_up(simulated("pacu"), card, str(tmp_path / "a"))
    assert not (tmp_path / "a").exists()


def test_without_root_it_says_what_root_would_add() -> None:
    bench = Bench()
    bench.root = False
    (card,) = passports(cast(System, bench))
    assert card.psid == "MT_2180110032" and card.running
    assert "sudo" in card.absent["flash"] and bench.ran == [("mstflint", "-v")]


def test_a_folder_of_images_is_read_by_the_tool() -> None:
    bench = Bench()
    names = ["fw-2.bin", "bad.bin", "readme.txt", "fw-10.BIN"]
    bench.inner.list = lambda path: names  # type: ignore[method-assign]
    images, left = read_images(cast(System, bench), "/fw")
    assert [name for name, _ in images] == ["fw-2.bin", "fw-10.BIN"]
    assert images[0][1].version == "12.28.2006"
    assert len(left) == 1 and left[0].startswith("bad.bin: ")


def test_the_firmware_manager_answers_where_flint_is_not_there() -> None:
    bench = Bench()
    report = "Device #1:\n  PSID:    MT_2180110032\n     FW    12.28.2006   N/A\n"
    bench.which = lambda tool: f"/usr/bin/{tool}" if tool == "mlxfwmanager" else None
    bench.run = lambda argv, **more: Finished(0, report, "")  # type: ignore[method-assign]
    (card,) = passports(cast(System, bench))
    assert card.flash is not None and card.flash.version == "12.28.2006"


def test_cards_of_the_same_psid_that_run_another_version_are_named() -> None:
    system = simulated("dgx")
    inventory = discover(system)
    first, *rest = inventory.adapters
    assert all(card.others == () for card in collect(system, inventory, [first, *rest], {}))
    older = first._replace(firmware="28.39.1002")
    mixed = inventory._replace(adapters=(older, *rest))
    one, *more = collect(system, mixed, mixed.adapters, {})
    for card in more:
        told = (f"28.39.1002 (older) at {one.device}",) if card.psid == one.psid else ()
        assert card.others == told
    same = [card.device for card in more if card.psid == one.psid]
    assert one.others == (f"{more[0].running} (newer) at {', '.join(same)}",)


def sampled(name: str) -> Sample:
    """A simulated machine as root sees it when all labels and flash were read."""
    system = simulated(name)
    live = LiveSource(system, calm=0.0, wants=frozenset({Fact.FLASH}))
    live.take()
    system.clock.wait(40.0, Event())
    one = live.take()
    live.close()
    return one


def through_a_recording(one: Sample) -> Sample:
    """The same Sample as another machine sends it."""
    data, tables = SampleEncoder().whole(one)
    decoder = SampleDecoder()
    decoder.learn(json.loads(json.dumps(tables)))
    return decoder.whole(json.loads(json.dumps(data)))


@pytest.mark.parametrize("name", ["pacu", "cx3-hp", "tiny", "odroid", "ceph", "faulty", "roce1"])
def test_that_of_a_sample_is_that_of_the_machine(name: str) -> None:
    one = sampled(name)
    assert through_a_recording(one) == one
    system = simulated(name)
    here = {card.adapter.key: card for card in passports(system)}
    for adapter in one.adapters:
        card, other = of_sample(one, adapter, {}), here[adapter.key]
        assert (card.part, card.psid, card.stored) == (other.part, other.psid, other.stored)
        assert (card.serial, card.guids, card.macs) == (other.serial, other.guids, other.macs)
        assert (card.tool, card.last_tool) == (other.tool, other.last_tool)
        for columns in (56, 116):
            section = flash_section(card, columns)
            text = "\n".join(map(plain, section.lines))
            assert max(map(line_width, section.lines)) <= columns
            assert card.serial and card.serial not in text and "serial number    MT…" in text


def test_of_a_sample_without_them_the_reason_is_told() -> None:
    one = sampled("pacu")._replace(flash={})
    (adapter,) = one.adapters
    for root, words in ((True, "not read yet"), (False, "needs root: sudo mlxtop passport")):
        host = one.host._replace(root=root)
        card = of_sample(one._replace(host=host), adapter, {})
        rows = [plain(line) for line in flash_section(card, 76).lines]
        assert rows[0].startswith("flash") and words in rows[0]
        assert rows[1].startswith("GUIDs") and "248a070300a1b2c0" in rows[1]
        assert rows[2].startswith("MACs") and "24:8a:07:a1:b2:c0" in rows[2]
        assert len(rows) == 3


def test_newer_firmware_and_another_makers_are_told_on_the_page() -> None:
    one = sampled("pacu")
    (adapter,) = one.adapters
    card = of_sample(one, adapter, {"MT_2180110032": "12.28.2302"})
    odd = card._replace(crossflashed="the tool tells HP_1 as the original PSID")
    text = "\n".join(map(plain, flash_section(odd, 76).lines))
    assert "newer            12.28.2302 (settings)" in text
    assert "Crossflashed: the tool tells HP_1" in text


def test_the_uuid_of_a_label_is_a_serial_number() -> None:
    (card,) = passports(simulated("pacu"))
    assert card.vpd is not None
    card = card._replace(vpd=card.vpd._replace(more={"V3": "a1b2" * 8, "V0": "PCIeGen4 x16"}))
    for whole in (False, True):
        text = "\n".join(map(plain, lines(card, 100, whole)))
        assert ("a1b2a1b2" in text, "PCIeGen4 x16" in text) == (whole, True)
        assert document(card, whole)["vpd"]["V3"] == ("a1b2" * 8 if whole else "a1…")


def test_what_the_others_run_is_told_over_machines() -> None:
    (card,) = passports(simulated("pacu"))
    other = card.adapter._replace(key="other", firmware="12.27.1016")
    cards = [
        card._replace(host="pacu"),
        card._replace(host="fry"),
        card._replace(host="fry", adapter=other, flash=None, device="0000:44:00.0"),
        card._replace(host="leela", adapter=other._replace(psid="HP_1"), flash=None),
    ]
    told = [one.others for one in with_others(cards)]
    device = card.device
    assert told == [
        (f"12.28.2006 (the same) at fry {device}", "12.27.1016 (older) at fry 0000:44:00.0"),
        (f"12.28.2006 (the same) at pacu {device}", "12.27.1016 (older) at fry 0000:44:00.0"),
        (f"12.28.2006 (newer) at pacu {device}, fry {device}",),
        (),
    ]
