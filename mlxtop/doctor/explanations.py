"""Counters and settings in plain words, each with its normal range: what a finding is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlxtop.model.catalogue import lookup
from mlxtop.model.counters import Counter, Origin, Severity


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a thing is, and what it is like where all is well."""

    what: str
    normal: str


_SETTINGS: Mapping[str, Explanation] = {
    "cards answer and have a driver": Explanation(
        "A card that answers has its vendor number in the first bytes of its configuration space;"
        " one without power or after a crash reads as all ones there. A driver (mlx4_core up to"
        " ConnectX-3, mlx5_core later) makes network and RDMA devices of it.",
        "driver bound, no byte pattern of ones",
    ),
    "ports have network devices": Explanation(
        "A port in InfiniBand mode carries IP only with the module ib_ipoib; without it there is"
        " an RDMA device and no ib0.",
        "ib_ipoib loaded where IP is wanted",
    ),
    "firmware in flash is the running one": Explanation(
        "Burning new firmware writes it to flash; the card goes on with the old one until it is"
        " reset or the machine is restarted.",
        "both versions the same",
    ),
    "no link type is pending": Explanation(
        "The link type of VPI cards, InfiniBand or Ethernet, is stored in the card and read when"
        " it starts. A change waits there for the next start.",
        "type now and type of the next start the same",
    ),
    "links are up": Explanation(
        "A port has a link when both ends see each other's signal and agree on speed, lanes and"
        " error correction.",
        "up; down only where nothing is plugged in",
    ),
    "link speed": Explanation(
        "Both ends agree on the fastest speed that card, module or cable, and peer have in"
        " common; a worn cable or a setting can make it slower.",
        "the smallest of the three",
    ),
    "Ethernet lanes": Explanation(
        "A link spreads its data over the lanes of the module: one in SFP, four in QSFP. A lane"
        " that is dirty or broken, or a port that is split at the peer, leaves a slower link over"
        " fewer of them.",
        "all lanes in use, or the full speed over fewer and faster ones",
    ),
    "autonegotiation": Explanation(
        "Over copper both ends tell each other what they can do and train the signal. If only one"
        " of them does, they may not find each other, or disagree on error correction and pause.",
        "on at both ends, or off at both ends with the same settings",
    ),
    "RoCE flow control": Explanation(
        "RDMA over Ethernet (RoCE) hardly recovers from lost packets. Either the network loses none"
        " (PFC for one priority, or pause), or switches mark packets before they must drop them"
        " (ECN) and senders slow down (CNP).",
        "PFC on one priority or ECN in the switches; best both",
    ),
    "InfiniBand speed": Explanation(
        "Both ends, card and cable agree on the fastest generation that all have: QDR, FDR10, FDR,"
        " EDR, HDR, NDR. FDR10 exists between Mellanox devices only.",
        "the slowest of port, cable and peer",
    ),
    "forward error correction": Explanation(
        "Lanes of 25 Gb/s and more have bit errors that forward error correction (FEC) repairs."
        " Both ends must use the same code; RS for 100GBASE-CR4, -SR4 and CWDM4.",
        "RS and the same at both ends; corrected errors may grow, uncorrectable ones not",
    ),
    "pause": Explanation(
        "With pause (802.3x) a receiver that is short of buffers stops the sender for a moment"
        " instead of losing packets. Received pause: the peer is slow; sent: this host is.",
        "on or off alike in both directions and at both ends; few frames",
    ),
    "InfiniBand lanes": Explanation(
        "InfiniBand cables have four lanes; a port that loses some goes on with the rest.",
        "4X; 2X only with HDR100 and NDR200 cards and splitter cables",
    ),
    "subnet manager": Explanation(
        "A subnet manager (opensm, or one in a switch) gives every InfiniBand port its address"
        " (LID). Until then the port is up but stays in state INIT. Two hosts back to back need"
        " one on either of them.",
        "state ACTIVE, LID and SM LID not 0; further managers are in STANDBY",
    ),
    "IPoIB mode": Explanation(
        "IP over InfiniBand sends packets of at most the fabric's MTU in datagram mode (2044 or"
        " 4092 bytes), and of 64 KB over connections in connected mode, which needs fewer of"
        " them. Drivers of ConnectX-4 and later have datagram mode only, with offloads instead.",
        "mlx4: connected, MTU 65520; mlx5: datagram, MTU 4092",
    ),
    "MTU": Explanation(
        "The MTU is the largest packet of a link. Larger packets spend less of the line on"
        " headers and less of the processor on each byte.",
        "9000 on fast Ethernet inside a data centre; the same on all hosts of a network",
    ),
    "MTU to the peer": Explanation(
        "Packets that may not be divided tell whether everything on the way takes the full MTU.",
        "answers of full size",
    ),
    "PCIe slot": Explanation(
        "A card reaches memory over its slot's lanes. One lane carries 4 Gb/s (Gen2), 7.9 (Gen3),"
        " 15.8 (Gen4) or 31.5 (Gen5) in each direction, of which packet headers leave about 91 %."
        " The narrowest hop up to the processor counts, for all ports of the card together.",
        "lanes and generation of the card, or at least more than its lines carry",
    ),
    "PCIe shared by ports": Explanation(
        "All ports of a card share the card's PCIe link.",
        "the lines together below PCIe's usable rate, where all are to be full",
    ),
    "PCIe shared by cards": Explanation(
        "Cards behind the same switch or chipset share its link to the processor.",
        "each fast card in a slot of its own at the processor",
    ),
    "PCIe packet sizes": Explanation(
        "MaxPayload is the largest packet that the card writes to memory, MaxReadReq the largest"
        " piece that it asks to read. Small ones spend more of the link on headers.",
        "MaxPayload 256 or 512, MaxReadReq 512 to 4096",
    ),
    "PCIe read requests": Explanation(
        "To send, a card reads memory in pieces of MaxReadReq at most; 4096 bytes help some hosts"
        " at 100 Gb/s and more. With relaxed ordering a write may overtake another one that waits."
        " Both lie in the function's Device Control register, which setpci can change (CAP_EXP+8)"
        " until the next start; mlxtop never does.",
        "MaxReadReq 512 to 4096, relaxed ordering on",
    ),
    "stored performance settings": Explanation(
        "CQE_COMPRESSION packs the card's completion entries and saves PCIe for small packets"
        " (AGGRESSIVE costs latency where PCIe is free). MAX_ACC_OUT_READ bounds the reads of"
        " memory on their way, 0 leaves it to the firmware. PCI_WR_ORDERING force_relax lets"
        " writes overtake each other, which helps hosts with many processor dies. Firmware that"
        " has one of them not at all leaves it out.",
        "BALANCED(0), 0, per_mkey(0): what cards come with",
    ),
    "PCIe errors": Explanation(
        "PCIe counts packets that arrived damaged (AER) and repeats them. Those on the card's"
        " link are often counted at the port above it.",
        "0; a few from starting the machine do no harm",
    ),
    "PCIe power saving": Explanation(
        "With ASPM a PCIe link sleeps while nothing is sent and takes microseconds to wake up.",
        "off on links of network cards",
    ),
    "IOMMU": Explanation(
        "The IOMMU translates addresses that cards use. In passthrough mode the host's own cards"
        " are spared the cost of it; virtual machines stay protected.",
        "identity (boot option iommu=pt), or no IOMMU",
    ),
    "rings": Explanation(
        "Rings hold the buffers for packets that the processor has not taken up yet.",
        "1024 is enough for most; larger where packets find no buffer",
    ),
    "queues": Explanation(
        "Every queue (channel) is served by an interrupt of its own, so that several cores can"
        " receive at the same time.",
        "as many as the card's node has cores",
    ),
    "interrupts": Explanation(
        "The core that an interrupt goes to does the receiving. Cores of the other processor"
        " reach the card only over the link between the two.",
        "spread over cores of the card's own node",
    ),
    "interrupt moderation": Explanation(
        "The card waits a little and raises one interrupt for several packets; adaptive"
        " moderation fits the wait to the traffic.",
        "adaptive on",
    ),
    "offloads": Explanation(
        "Offloads let the card add up checksums, cut large sends into packets (TSO) and let the"
        " kernel join received ones (GRO), so that the processor handles fewer of them.",
        "all on",
    ),
    "processor clock": Explanation(
        "A frequency governor sets how fast cores run. Those that save power leave the cores"
        " slow for the first moments of every burst.",
        "performance",
    ),
    "kernel settings": Explanation(
        "Old guides set kernel values (sysctl) that do harm today: the kernel's own values fit"
        " fast networks.",
        "tcp_timestamps 1, tcp_sack 1, tcp_rmem up to at least 4 MB, zone_reclaim_mode 0",
    ),
    "queueing and congestion control": Explanation(
        "The queueing discipline decides which packet leaves next, congestion control how fast a"
        " TCP connection sends. The kernel's own choices keep connections apart, and let one of"
        " them fill a fast link.",
        "fq, fq_codel or pfifo_fast; cubic or bbr",
    ),
    "memory and watchdog settings": Explanation(
        "Guides for fast links mention these: NUMA balancing moves memory to the node that uses it"
        " and stops programs for that (0 is steadier), zone reclaim frees a node's memory before it"
        " takes another's (0), the NMI watchdog takes a hardware counter and a little time of"
        " every core (0 where microseconds count), huge pages spare look-ups of addresses (always"
        " or madvise), with SMT two threads share a core, irqbalance moves interrupts that others"
        " have placed. None of them is a fault where nothing is slow.",
        "the distribution's values, unless a measurement says otherwise",
    ),
    "cores of test programs": Explanation(
        "A program reaches the card fastest from the cores of the card's own node (local_cpulist);"
        " from others all data crosses the link between the processors. mlxtop load starts its own"
        " on the right ones.",
        "free to run there, or bound there with numactl or taskset",
    ),
    "bonds": Explanation(
        "A bond joins ports. In 802.3ad (LACP) every connection uses one of them; balance-rr"
        " spreads a single connection and makes its packets overtake each other;"
        " active-backup uses one port at a time.",
        "802.3ad with layer3+4 and a partner that answers, or active-backup; equal members, all up",
    ),
    "temperatures": Explanation(
        "Chip and module have limits of their own: above the warning they age faster, at the end"
        " they switch themselves off.",
        "module below 70 °C, chip below 95 to 105 °C, and below the limits shown",
    ),
    "optical power": Explanation(
        "Modules measure the light that they send and receive on each lane. Too little comes from"
        " dirt, bends or age, too much from optics that are made for longer fibres.",
        "between the module's own warnings, and alike on all lanes",
    ),
    "error counters": Explanation(
        "Drivers and card count what went wrong. Only growth matters: totals remember every"
        " cable that was ever pulled.",
        "none of them grows",
    ),
    "counters can still count": Explanation(
        "Old InfiniBand counters are 4, 8 or 16 bits wide and stay at their highest value.",
        "below their ceiling",
    ),
    "kernel log": Explanation(
        "Drivers write to the kernel log when a module is refused, power is missing, the card is"
        " too hot or its firmware has failed.",
        "nothing of this since the last start, or a sign that it is over",
    ),
    "what limits the traffic": Explanation(
        "The traffic of the moment beside the line, PCIe, the cores, pause frames, congestion"
        " marks and buffers: a limit is named only when the traffic is near it.",
        "the line itself, or no limit at all",
    ),
}


def counter_topic(counter: Counter) -> str:
    """The topic of a counter's finding."""
    return f"{counter.origin}/{counter.key}"


def normal_range(counter: Counter) -> str:
    """What a counter is like where all is well.

    >>> normal_range(lookup(Origin.DRIVER, "rx_crc_errors_phy"))
    'it does not move'
    """
    if counter.gauge:
        return f"0 to 5 {counter.unit}"
    if counter.severity is None:
        return "it grows with the traffic"
    return "it may move now and then" if counter.severity is Severity.NOTE else "it does not move"


def explain(topic: str) -> Explanation | None:
    """A counter or a setting in plain words; None for a topic that is not known."""
    origin, _, key = topic.partition("/")
    if key and origin in set(Origin):
        counter = lookup(Origin(origin), key)
        if counter is not None:
            advice = f" If it moves: {counter.advice}." if counter.advice else ""
            return Explanation(f"{counter.key}: {counter.help}.{advice}", normal_range(counter))
    return _SETTINGS.get(topic)
