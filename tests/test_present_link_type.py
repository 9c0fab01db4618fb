"""Cards and plans as text and as JSON."""

from mlxtop.present import link_type as describe
from tests.link_lab import link_lab, survey_of


def test_every_port_is_shown_with_its_types_and_ways() -> None:
    assert describe.table(survey_of(link_lab())) == [
        ("0000:08:00.0/1", "enp8s0f0np0", "ETH", "ETH(2)", "IB(1)", "mstconfig"),
        ("0000:08:00.1/1", "mlx5_1", "IB", "IB(1)", "IB(1)", "mstconfig"),
        ("0000:09:00.0/1", "ibp9s0", "IB", "IB(1)", "–", "mlx4_portN, mstconfig"),
        ("0000:09:00.0/2", "enp9s0d1", "ETH", "ETH(2)", "–", "mlx4_portN, mstconfig"),
    ]
