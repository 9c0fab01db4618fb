"""The files of an mlx4 card: written whole, compared, written back."""

import os
from pathlib import Path

import pytest

from mlxtop.change.port_types import Card, Failed, take_back

CARD = "0000:09:00.0"


class PickyCard(Card):
    """A card that takes only equal types, as mlx4_check_port_params() has it."""

    def __init__(self, *types: str) -> None:
        super().__init__(CARD)
        self.types = dict(enumerate(types, 1))
        self.noted: dict[int, str] = {}
        """`tmp_type` of the driver: a refused wish that the next write takes along."""

    def read(self, port: int) -> str | None:
        return self.types[port]

    def write(self, port: int, kind: str) -> str | None:
        self.noted[port] = kind
        wish = self.types | self.noted
        if len(set(wish.values())) > 1:
            return f"port {port}: Invalid argument"
        self.types, self.noted = wish, {}
        return None


def test_a_card_of_equal_types_only_changes_both_ports_or_none() -> None:
    card = PickyCard("ib", "ib")
    assert card.put({1: "eth", 2: "eth"}) == []
    assert card.types == {1: "eth", 2: "eth"}
    card = PickyCard("ib", "ib")
    assert card.put({1: "eth"}) == ["port 1: Invalid argument"]
    assert take_back(card, {1: "ib"}) == []
    assert card.types == {1: "ib", 2: "ib"} and card.noted == {}


def test_the_word_and_its_newline_are_one_write(tmp_path: Path) -> None:
    (tmp_path / CARD).mkdir()
    path = tmp_path / CARD / "mlx4_port1"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert Card(CARD, str(tmp_path)).write(1, "eth") is None
        assert os.read(reader, 64) == b"eth\n"
    finally:
        os.close(reader)


def test_a_device_that_is_no_pci_address_is_not_touched(tmp_path: Path) -> None:
    for device in ("../../etc", "0000:09:00.0/..", "0000:09:00.8"):
        with pytest.raises(Failed):
            Card(device, str(tmp_path))
