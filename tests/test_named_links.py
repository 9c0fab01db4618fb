"""Links whose two ends the settings name."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxtop import settings
from mlxtop.model.identity import Port, PortId, PortKind
from mlxtop.model.named_links import NamedEnd, NamedLink, named_links

FILE = """
[[links]]
a = { host = "pacu", port = "enp67s0np0" }
b = { host = "fry", port = "0000:43:00.0" }
"""


def test_the_settings_file_names_the_ends_of_links(tmp_path: Path) -> None:
    path = tmp_path / settings.NAME / "settings.toml"
    path.parent.mkdir()
    path.write_text(FILE)
    read, complaints = settings.load({}, {"XDG_CONFIG_HOME": str(tmp_path)})
    assert complaints == []
    ends = NamedEnd("pacu", "enp67s0np0"), NamedEnd("fry", "0000:43:00.0")
    assert read.links == (NamedLink(*ends),)


@pytest.mark.parametrize("name", ["p1", "mlx5_0", "0000:43:00.0", "0000:43:00.0/1", "p1.7"])
def test_a_port_is_meant_by_each_of_its_names(name: str) -> None:
    port = Port(
        PortId("0000:43:00.0", 1),
        PortKind.PHYSICAL,
        function="0000:43:00.0",
        netdev="p1",
        rdma="mlx5_0",
        extra_netdevs=("p1.7",),
    )
    assert NamedEnd("a", name).means(port)
    assert not NamedEnd("a", "p").means(port)


@pytest.mark.parametrize(
    "value",
    [
        {},
        [1],
        [{"a": {"host": "x", "port": "p"}}],
        [{"a": {"host": "x", "port": "p"}, "b": {"host": "x", "port": "p"}}],
        [{"a": {"host": "x y", "port": "p"}, "b": {"host": "y", "port": "p"}}],
        [{"a": {"host": 5, "port": "p"}, "b": {"host": "y", "port": "p"}}],
    ],
)
def test_settings_that_name_no_two_ends_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"wants|is no name|has the end|is not a list"):
        named_links(value)


VALUES = st.recursive(
    st.none() | st.text() | st.integers(),
    lambda v: st.lists(v) | st.dictionaries(st.sampled_from(["a", "b", "host", "port"]), v),
)


@given(VALUES)
def test_any_settings_are_links_or_a_value_error(value: object) -> None:
    with suppress(ValueError):
        assert isinstance(named_links(value), tuple)
