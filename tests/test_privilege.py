"""Commands get root's rights through sudo, with locks and limits, and refusals are reported."""

import pytest

from mlxtop.change.privilege import Access, NotAllowed, RootCommands, access
from mlxtop.link_type.survey import survey
from mlxtop.sampler.discover import discover
from mlxtop.sources.kernel.pci import DEVICES
from mlxtop.system.door import REGISTERS, Finished
from tests.link_lab import Sudoer, sudoer


def test_root_s_rights_come_through_sudo_with_a_limit_only_for_queries() -> None:
    system = sudoer()
    assert access(system) is Access.SUDO
    system.answers["sudo"] = Finished(0, "", "")
    system.answers["sudo -v"] = Finished(0, "", "")
    RootCommands(system, Access.SUDO).query(["mstconfig", "-v"])
    RootCommands(system, Access.SUDO, ask=True).query(["mstconfig", "-v"])
    RootCommands(system, Access.SUDO).change(["mstconfig", "-v"])
    inner = ("timeout", "-k", "5", "20", "mstconfig", "-v")
    assert system.ran == [
        ("sudo", "-n", "--", *inner),
        ("sudo", "--", *inner),
        ("sudo", "--", "setsid", "--wait", "mstconfig", "-v"),
    ]


def test_what_sudo_starts_locks_the_card_and_says_who_else_does() -> None:
    """The person's own process could not: only root can open what is locked."""
    system = sudoer()
    slot = f"{DEVICES}/0000:08:00.0"
    system._keep(f"{system.real(slot)}/{REGISTERS}", "")
    inventory = discover(system)

    def reasons() -> tuple[str, ...]:
        (card,) = survey(system, inventory, Access.SUDO, keys=keys)
        return card.reasons

    keys = {one.key for one in inventory.adapters if one.functions[0].address.startswith("0000:08")}
    assert not any("at work" in reason for reason in reasons())
    lock = ("flock", "-o", "-w", "30", "-E", "75", f"{slot}/{REGISTERS}")
    queries = [argv for argv in system.ran if "mstconfig" in argv]
    assert queries and all(argv[3:10] == lock for argv in queries)
    locks = [f"{slot}/{REGISTERS}"]
    root = RootCommands(system, Access.SUDO, locks=locks)
    assert root.words(["x"])[4:] == (*lock, "x")
    assert RootCommands(system, Access.ROOT, locks=locks).words(["x"]) == ("x",)
    system.answers["sudo"] = Finished(75, "", "")
    assert "another tool is at work on this card: a process that cannot" in reasons()[-1]
    with pytest.raises(BlockingIOError):
        root.change(["mstconfig", "-v"])


def test_what_sudo_refuses_is_told_as_such() -> None:
    system = sudoer()
    system.answers["sudo"] = Finished(1, "", "sudo: a password is required\n")
    system.answers["sudo -v"] = system.answers["sudo"]
    with pytest.raises(NotAllowed, match="a password is required"):
        RootCommands(system, Access.SUDO).query(["mstconfig", "-v"])
    with pytest.raises(NotAllowed, match="a password is required"):
        RootCommands(system, Access.SUDO).change(["mstconfig", "-v"])
    Sudoer.has_sudo = False
    try:
        assert access(system) is Access.NONE
        with pytest.raises(NotAllowed, match="sudo is not installed"):
            RootCommands(system, Access.NONE).change(["true"])
    finally:
        Sudoer.has_sudo = True
