"""Libraries that are missing are told, where that makes a difference."""

from __future__ import annotations

import sys
from contextlib import closing

import pytest

from mlxtop.lab import ManualClock, load_lab
from mlxtop.sampler.lacking import lacking
from mlxtop.sampler.live import LiveSource
from mlxtop.system.local import LocalSystem


def test_nothing_is_lacking_where_all_is_installed() -> None:
    with closing(LocalSystem()) as system:
        assert lacking(system) == ()


@pytest.mark.parametrize("name", ["psutil", "pyudev"])
def test_what_is_missing_is_a_problem_of_every_sample(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlxtop.sampler.lacking.find_spec", lambda one: None if one == name else 1)
    with closing(LiveSource(LocalSystem())) as source:
        assert [one.subject for one in source.take().problems if one.subject == name] == [name]
    assert lacking(load_lab("tiny", ManualClock())) == ()


def test_without_psutil_the_load_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    with closing(LocalSystem()) as system:
        assert system.cpu() == () == system.cpu()
