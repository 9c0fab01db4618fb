"""A failure is told in words."""

from mlxtop.link_type.card import Refused
from mlxtop.link_type.steps import sentence


def test_a_failure_is_told_without_the_number_of_its_error() -> None:
    assert sentence(FileNotFoundError(2, "No such file or directory", "tee")).startswith("tee: No")
    assert sentence(PermissionError(1, "Operation not permitted")) == "Operation not permitted"
    assert sentence(Refused("not today")) == "not today"
    assert sentence(TimeoutError()) == "TimeoutError"
