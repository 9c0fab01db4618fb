"""Link types in the words of the tools and of the mlx4 driver."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop.model.linktype import LinkType, PortType, link_type_of, parse_port_type


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("IB(1)", LinkType.IB),
        ("ETH(2)", LinkType.ETH),
        ("VPI(3)", LinkType.AUTO),
        ("2", LinkType.ETH),
        ("IB(2)", None),
        ("ETH", None),
        ("N/A", None),
        ("²", None),
        (None, None),
    ],
)
def test_link_types_need_a_matching_name_and_number(
    text: str | None, kind: LinkType | None
) -> None:
    assert link_type_of(text) is kind


def test_mlx4_port_files_tell_configured_and_active_type() -> None:
    assert parse_port_type("ib\n") == PortType(LinkType.IB, LinkType.IB)
    assert parse_port_type("auto (eth)\n") == PortType(LinkType.AUTO, LinkType.ETH)
    assert parse_port_type("auto\n") == PortType(LinkType.AUTO, None)
    assert parse_port_type("auto (token)") is None
    assert parse_port_type(None) is None


@given(st.text(st.sampled_from("IBETHVPI(123) autoibeth\n²"), max_size=20))
def test_no_text_makes_the_parsers_raise(text: str) -> None:
    link_type_of(text)
    parse_port_type(text)
