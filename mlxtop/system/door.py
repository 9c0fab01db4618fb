"""The door to every machine: this one, a captured one, a simulated one.

Readers, actions and screens know only the `System` protocol, so the same code runs on all three.
Everything that fails raises OSError with the errno of the kernel, whatever the machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from threading import Event
from typing import Any, NamedTuple, Protocol

from mlxtop.system.clock import Clock

FILE_LIMIT = 1 << 20
"""Bytes read of a file at most; larger ones are cut off."""

OUTPUT_LIMIT = 4 << 20
"""Bytes kept of a command's output at most; more is cut off and told."""

REGISTERS = "resource0"
"""The file of a PCI device's registers; only root can open it, so only root can lock it."""

Answer = Any
"""JSON-like: dict, list, str, int, float, bool or None; tuples count as lists.

Answers can come from a stranger's capture, so readers check every shape before use.
"""


def os_error(number: int, subject: str | None = None) -> OSError:
    """Return the error of a number of the kernel's, in the class that Python has for it.

    >>> os_error(2, "/proc/9")
    FileNotFoundError(2, 'No such file or directory')
    """
    return OSError(number, os.strerror(number), subject)


class Question(StrEnum):
    """Questions to the kernel that are no files; each says its subject, details and answer."""

    LINKS = "links"
    """rtnetlink RTM_GETLINK dump, statistics left out -> list of dicts: `index`, `name`, `kind`
    (IFLA_INFO_KIND or None), `type` (ARPHRD), `flags` (IFF_*), `mtu`, `operstate` (IF_OPER_*),
    `carrier` (0, 1), `carrier_changes`, `master` and `link` (ifindex or None), `address`,
    `parent` (IFLA_PARENT_DEV_NAME or None), `parent_bus`, `port_name` (IFLA_PHYS_PORT_NAME or
    None), `slave_kind`."""
    LINK_COUNTERS = "link-counters"
    """rtnetlink RTM_GETSTATS dump -> dict of ifindex to the tuple of rtnl_link_stats64 (the order
    is `sources.kernel.net.LINK64`). JSON has string keys; readers accept both."""
    VF_STATISTICS = "vf-statistics"
    """rtnetlink RTM_GETLINK of a netdev with RTEXT_FILTER_VF -> list of dicts `vf` (its number),
    `rx_bytes`, `tx_bytes`, `rx_packets`, `tx_packets`, `rx_dropped`, `tx_dropped` (or None). The
    driver asks the firmware about each virtual function meanwhile, with RTNL held."""
    MAC_STATISTICS = "mac-statistics"
    """ethtool netlink STATS_GET of a netdev, groups eth-mac and eth-phy -> dict of standard names
    (`OctetsReceivedOK` …) to ints; empty where the driver has none (mlx4)."""
    DRIVER_STATISTICS = "driver-statistics"
    """`ethtool -S` of a netdev by ioctl -> dict of `names` (list) and `values` (list), same length;
    `names` is the very same object as long as the driver's table is the same."""
    DRIVER_INFO = "driver-info"
    """ETHTOOL_GDRVINFO of a netdev -> dict `driver`, `version`, `firmware`, `bus`."""
    LINK_STATE = "link-state"
    """ethtool netlink LINKSTATE_GET of a netdev -> dict `link` (0, 1), `extended`, `substate`
    (ETHTOOL_LINK_EXT_STATE_* numbers or None), `sqi`, `down_count`."""
    LINK_MODES = "link-modes"
    """ethtool netlink LINKMODES_GET and LINKINFO_GET -> dict `speed` (Mb/s or None), `duplex`
    (half, full or None), `autoneg` (0, 1), `lanes`, `port` (PORT_*), `advertised`, `supported`,
    `peer` (lists of names such as `100000baseKR4/Full`)."""
    FEC = "fec"
    """ethtool netlink FEC_GET with statistics -> dict `active` (None, RS, BASER, LLRS as a name, or
    null when unknown), `auto` (bool), `modes` (configured, names), `corrected`, `uncorrectable`
    (blocks or None), `corrected_bits`; from Linux 6.18 on `bins`, dicts of `low` and `high` symbols
    that were corrected in a code word, and `words`, how many such code words there were."""
    DCB = "dcb"
    """rtnetlink DCB_CMD_IEEE_GET of a netdev -> dict `pfc` (`most` priorities at once, `mask`),
    `ets` (lists of eight: `classes` of priorities; `bandwidth` and `algorithms` of classes,
    IEEE_8021QAZ_TSA_*), `apps` (lists of selector, protocol, priority; selector 5: the protocol is
    a DSCP), `trusted` (selectors, kernel 6.2); null where the driver does not tell it."""
    PAUSE = "pause"
    """PAUSE_GET with statistics -> dict `autoneg` (0, 1), `rx`, `tx` (bool), `rx_frames`,
    `tx_frames` (or None)."""
    RINGS = "rings"
    """RINGS_GET -> dict `rx`, `rx_max`, `tx`, `tx_max`."""
    CHANNELS = "channels"
    """CHANNELS_GET -> dict `combined`, `combined_max`, `rx`, `tx`, `other`."""
    COALESCE = "coalesce"
    """COALESCE_GET -> dict `adaptive_rx`, `adaptive_tx` (bool), `rx_usecs`, `tx_usecs`."""
    FEATURES = "features"
    """FEATURES_GET -> dict of feature name to bool (active); null is off and not offered."""
    MODULE_PAGE = "module-page"
    """ethtool netlink MODULE_EEPROM_GET of a netdev; details page, bank, I2C address, offset,
    length (at most 128, within one half page) -> hexadecimal string. Needs CAP_NET_ADMIN."""
    MODULE_EEPROM = "module-eeprom"
    """ioctl GMODULEINFO and GMODULEEEPROM of a netdev -> dict `type`, `data` (hexadecimal)."""
    DEVLINK_INFO = "devlink-info"
    """devlink DEVLINK_CMD_INFO_GET dump -> dict of handle (`pci/0000:43:00.0`) to dict `driver`,
    `serial`, `fixed`, `running`, `stored` (dicts of name to version)."""
    RDMA_DEVICES = "rdma-devices"
    """rdma netlink RDMA_NLDEV_CMD_GET dump -> dict of RDMA device to dict `type` (`smi`, or None
    for an ordinary one) and `parent` (the device that it is part of, or None)."""
    RDMA_OBJECTS = "rdma-objects"
    """rdma netlink RDMA_NLDEV_CMD_RES_* of an RDMA device -> dict of `held` (what there is in all:
    kind to number), of lists of groups `qp`, `cq`, `mr`, `pd`, `ctx`, `srq`, `cm_id`, and of
    `absent` (kind to why its list is not there, or not whole). A group has `count` and `pid`, of
    the thread that made it, or `module`; neither where that has ended, or is of another PID
    namespace. A group of `qp` has `port`, `type` and `state` too, of `mr` `bytes`, of `cm_id`
    `space`, `state` and `peer`. `counters`: those that are bound to QPs, dicts of `id`, `port`,
    `pid`, `qps` (number) and `values`."""
    RDMA_SYSTEM = "rdma-system"
    """rdma netlink RDMA_NLDEV_CMD_SYS_GET -> dict `shared`: whether every network namespace has
    every RDMA device."""
    ROUTE = "route"
    """rtnetlink RTM_GETROUTE for `subject`, an address or `destination,source` -> dict `dev`,
    `via`, `src`, `local` (bool), and `devs`, the devices of all next hops that there are."""
    NEIGHBOURS = "neighbours"
    """rtnetlink RTM_GETNEIGH dump -> list of dicts: `index` of the device, `state` (NUD_*) and
    `address`, the hardware address as of `LINKS`, None where the neighbour has not answered."""
    SOCKETS = "sockets"
    """Established TCP connections (sock_diag) -> list of dicts `local`, `local_port`, `remote`,
    `remote_port`, `interface` (ifindex it is bound to, 0 for none), `inode`; listening ones have
    `remote` None. IPv4 over IPv6 sockets show as `::ffff:…`. `sent` and `received` are the bytes of
    data since the connection was made, None where unknown and for listening ones."""


class KernelRecord(NamedTuple):
    """One record of the kernel log; `lost` counts the records that were overwritten before it."""

    seconds: float
    """Since boot."""
    level: int
    text: str
    device: str | None = None
    """The DEVICE= tag without its type, `0000:43:00.0` for `+pci:0000:43:00.0`."""
    subsystem: str | None = None
    lost: int = 0


class DeviceEvent(NamedTuple):
    """A device or link changed; `action` is add, remove, change, move, bind, unbind, link or lost.

    `link` is an rtnetlink message about a netdev, its details `message` (new, delete), `index`,
    `flags`, `operstate`, `carrier`, `carrier_changes`, `mtu`, `master` where known; a `move` has
    `old`, the name before. `lost` says that the kernel dropped events
    (ENOBUFS), so that everything has to be read again.
    """

    action: str
    subsystem: str
    name: str
    device: str | None = None
    """PCI address of the nearest PCI ancestor."""
    details: Mapping[str, str] = {}


class Echo(NamedTuple):
    """An answer to a probe, whoever sent it."""

    nonce: bytes
    source: str
    """Address that it came from."""
    device: str | None
    """Network device that it came by."""
    tick: float
    """Monotonic second at which it was taken from the kernel."""


class Pinger(Protocol):
    """Sends ICMP echo requests by chosen devices and takes the answers; for one thread."""

    def send(self, address: str, device: str, nonce: bytes, mark: int = 0) -> None:
        """Send one request that carries `nonce`; `mark` chooses a routing rule (needs root).

        Raises OSError: ENODEV without the device, ENETDOWN, ENETUNREACH, EPERM.
        """

    def wait(self, seconds: float, stop: Event) -> list[Echo]:
        """Let time pass until an answer comes, `wake` is called or `stop` is set; return answers.

        With 0 it returns those that have come.
        """

    def wake(self) -> None:
        """End a `wait` of the thread that probes; from any thread."""

    def close(self) -> None:
        """Close the sockets."""


class Finished(NamedTuple):
    """A command that has ended; `status` is negative for a signal."""

    status: int
    stdout: str
    stderr: str
    timed_out: bool = False
    cut: bool = False
    """There was more output than OUTPUT_LIMIT."""


class CommandRefused(OSError):
    """This machine does not run commands or does not change: a captured one, or `--readonly`."""


class System(Protocol):
    """A machine that can be read, asked, watched, and by `actions` alone changed."""

    @property
    def label(self) -> str:
        """Return a name for people: of the host, a capture's file or a simulated machine."""

    @property
    def demo(self) -> bool:
        """Return whether it is simulated: everything shown is to be marked DEMO."""

    @property
    def captured(self) -> bool:
        """Return whether it is one instant only: there are no rates and nothing can be changed."""

    @property
    def root(self) -> bool:
        """Return whether reads run with root's rights."""

    def read(self, path: str) -> bytes:
        """Return the content of a file, at most FILE_LIMIT bytes. Raises OSError."""

    def list(self, path: str) -> list[str]:
        """Return names in a directory, unsorted. Raises OSError."""

    def link(self, path: str) -> str:
        """Return the target of a symbolic link as it is written. Raises OSError."""

    def real(self, path: str) -> str:
        """Return the canonical path, every link resolved. Raises OSError when it does not exist."""

    def ask(self, question: Question, subject: str = "", *details: int) -> Answer:
        """Return the kernel's answer. Raises OSError with its errno (EOPNOTSUPP: no answer)."""

    def cpu(self) -> tuple[float, ...]:
        """Return busy percent of every core since the last call; empty at the first or unknown."""

    def now(self) -> float:
        """Return monotonic seconds."""

    def wall(self) -> float:
        """Return seconds since the epoch."""

    def wait(self, seconds: float, stop: Event) -> bool:
        """Let time pass, ending early with `stop`; says whether `stop` is set."""

    @property
    def clock(self) -> Clock:
        """Return the clock that threads wait by: real time, unless the machine brings its own."""

    def kernel_log(self, stop: Event, history: bool = True) -> Iterator[KernelRecord]:
        """Yield records of the kernel log as they come; ends at `stop`. Raises OSError (EPERM)."""

    def events(self, stop: Event) -> Iterator[DeviceEvent]:
        """Yield device and link events as they come; ends at `stop`. Raises OSError."""

    def pinger(self) -> Pinger:
        """Return what sends probes and takes their answers. Raises OSError (EPERM)."""

    def which(self, command: str) -> str | None:
        """Return path of an installed command; None when there is none."""

    def run(
        self, argv: Sequence[str], *, timeout: float = 10.0, stdin: str = "", change: bool = False
    ) -> Finished:
        """Run a command to its end, LC_ALL=C, no terminal, its whole group ended at the timeout.

        `change` marks a command that changes something: it is never ended early. Raises OSError
        (ENOENT) when it cannot be started and CommandRefused where changes are not allowed.
        """

    def foreground(
        self, argv: Sequence[str], *, stdin: str | None = None, change: bool = False
    ) -> Finished:
        """Run a command that may talk to the person on this terminal, as sudo does.

        Without `stdin` its input is the terminal too.
        To be called while the terminal is free, from the main thread. Standard output and errors
        are kept, and Ctrl-C reaches the command alone. Raises as `run` does.
        """

    def claim(self, path: str, seconds: float) -> AbstractContextManager[None]:
        """Hold the lock of a PCI device's directory, so that one tool at a time works on a card.

        It is the flock(2) of its `REGISTERS`, which only root can open; without root nothing is
        held, and commands through sudo take it themselves. Waits up to `seconds`; raises
        BlockingIOError with its holder as text when it stays taken, and OSError.
        """

    def stream(self, argv: Sequence[str], line: Callable[[str], None], stop: Event) -> Finished:
        """Run a command and hand over its output by lines; ends its whole group at `stop`."""

    def write(self, path: str, data: bytes) -> None:
        """Write a file in one write, as sysfs wants it. For `actions` only. Raises OSError."""

    def close(self) -> None:
        """Give back sockets, descriptors and threads."""
