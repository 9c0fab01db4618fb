"""mstlink and mlxlink: state of the link, module, counters and bit error rates.

https://docs.nvidia.com/networking/display/mftv4300/mlxlink+utility
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from mlxtop.lab.eeprom import Monitors
from mlxtop.lab.families import Optics
from mlxtop.lab.ports import PortState
from mlxtop.lab.tools.shell import Err, Machine, Running
from mlxtop.model.pcie import GENERATION

Section = dict[str, str]

_TECHNOLOGY = {0: "850 nm VCSEL", 4: "1310 nm DFB", 0xA: "Copper cable unequalized"}
_ENABLED = {
    "eth": "0x000007f2 (100G_2X,100G_4X,50G_1X,50G_2X,40G,25G,10G,1G)",
    "ib": "0x0000003f (EDR,FDR,FDR10,QDR,DDR,SDR)",
    "ndr": "0x000000f1 (NDR,HDR,EDR,FDR,SDR)",
}


def mstlink(machine: Machine, argv: Sequence[str], stdin: str) -> Running:
    """`mstlink -d DEVICE [-p PORT] [--port_type PCIE] [-m] [-c] [--json]`."""
    words = list(argv[1:])
    if "-v" in words or "--version" in words:
        yield f"{argv[0]}, mstflint {machine.world.spec.tools[argv[0]]}, Git SHA Hash: N/A"
        return 0
    device = words[words.index("-d") + 1] if "-d" in words[:-1] else ""
    yield 0.8
    as_json = "--json" in words
    card = machine.card(device)
    message = ""
    if card is None:
        message = f'Failed to open device: "{device}", No such file or directory'
    elif not machine.root:
        message = f'Failed to open device: "{device}", Permission denied'
    elif card.spec.family.mlx4:
        message = "Device is not supported"
    if card is None or message:
        if as_json:
            status = {"code": 1, "message": message}
            yield json.dumps({"result": {"output": "N/A"}, "status": status}, indent="\t")
        else:
            yield Err(f"-E- {message}")
        return 1
    function = device[-1] if device[-2:-1] == "." else "0"
    port = card.ports[min(int(function), len(card.ports) - 1)]
    pcie = "PCIE" in words
    sections = _pcie(port, words) if pcie else _sections(machine, port, argv[0], words)
    if as_json:
        output = {"result": {"output": {k: _typed(v) for k, v in sections.items()}}}
        yield json.dumps(output | {"status": {"code": 0, "message": "success"}}, indent="\t")
        return 0
    for title, rows in sections.items():
        yield ""
        yield title
        yield "-" * len(title)
        for key, value in rows.items():
            yield f"{key:35}: {value} "
    yield ""
    return 0


def _pcie(port: PortState, words: Sequence[str]) -> dict[str, Section]:
    """The page `--port_type PCIE`: the link as the card's own registers have it."""
    now, most = port.card.spec.link, port.card.spec.most
    sections = {
        "PCIe Operational (Enabled) Info": {
            "Depth, pcie index, node": "0, 0, 0",
            "Link Speed Active (Enabled)": f"{_gen(now.speed)} ({_gen(most.speed)})",
            "Link Width Active (Enabled)": f"{now.width}X ({most.width}X)",
            "Device Status": "N/A",
        }
    }
    if "-c" in words or "--show_counters" in words:
        sections["Management PCIe Timers Counters Info"] = {"dl down": "1"}
        sections["Management PCIe Performance Counters Info"] = dict.fromkeys(
            ("RX Errors", "TX Errors", "CRC Error dllp", "CRC Error tlp"), "0"
        )
    return sections


def _gen(speed: float) -> str:
    """GT/s as the tool writes it: `8G-Gen 3`."""
    return f"{speed:g}G-Gen {GENERATION[speed]}"


def _typed(rows: Section) -> dict[str, object]:
    """Speeds become a mask and a list; everything else stays text."""
    out: dict[str, object] = {}
    for key, value in rows.items():
        mask, mark, names = value.partition(" (")
        if key.startswith(("Enabled", "Supported")) and mark:
            out[key] = {"mask": mask, "values": names.rstrip(")").split(",")}
        else:
            out[key] = value
    return out


def _sections(
    machine: Machine, port: PortState, name: str, words: Sequence[str]
) -> dict[str, Section]:
    sections = {
        "Operational Info": _operational(port),
        "Supported Info": _supported(port),
        "Troubleshooting Info": _troubles(port),
        "Tool Information": {
            "Firmware Version": port.card.firmware,
            "amBER Version": "2.08",
            ("MFT Version" if name.startswith("mlx") else "MSTFLINT Version"): (
                f"mstflint {machine.world.spec.tools[name]}"
            ),
        },
    }
    if "-m" in words or "--show_module" in words:
        sections["Module Info"] = _module(machine, port)
    if "-c" in words or "--show_counters" in words:
        sections["Physical Counters and BER Info"] = _counters(machine, port)
    return sections


def _operational(port: PortState) -> Section:
    if not port.carrier:
        return {
            "State": "Polling" if port.wants_carrier else "Disable",
            "Physical state": "Polling",
            "Speed": "N/A",
            "Width": "N/A",
            "FEC": "N/A",
            "Loopback Mode": "No Loopback",
            "Auto Negotiation": "ON",
        }
    lanes = port.spec.module.kind.lanes if port.spec.module else 4
    coded = (
        "Standard RS-FEC - RS(528,514)"
        if port.spec.speed < 200_000
        else ("Standard_RS-FEC - (544,514)")
    )
    generation = port.spec.rate.partition("X ")[2].rstrip(")")
    return {
        "State": "Active",
        "Physical state": "LinkUp" if port.infiniband else "ETH_AN_FSM_ENABLE",
        "Speed": f"IB-{generation}" if port.infiniband else f"{port.spec.speed // 1000}G",
        "Width": f"{lanes}x",
        "FEC": "No FEC" if port.infiniband and port.spec.speed < 100_000 else coded,
        "Loopback Mode": "No Loopback",
        "Auto Negotiation": "ON",
    }


def _supported(port: PortState) -> Section:
    fast = port.spec.speed >= 400_000
    speeds = _ENABLED["ndr" if fast else "ib" if port.infiniband else "eth"]
    more = "" if port.infiniband else " (Ext.)"
    cable = "N/A" if port.unplugged else speeds
    return {f"Enabled Link Speed{more}": speeds, f"Supported Cable Speed{more}": cable}


def _troubles(port: PortState) -> Section:
    opcode, group, text = 0, "N/A", "No issue was observed"
    if port.unplugged:
        opcode, group, text = 1024, "MNG FW", "Cable is unplugged"
    elif port.module_fault == "High Temperature":
        opcode, group, text = 1030, "MNG FW", "High temperature"
    elif port.module_fault:
        opcode, group, text = 1042, "MNG FW", "Module is not detected"
    elif not port.carrier:
        opcode, group, text = 2, "PHY FW", "Negotiation failure"
    elif port.errors.get("fec_uncorrectable_blocks", 0) > 0:
        opcode, group, text = 15, "PHY FW", "Bad signal integrity"
    return {"Status Opcode": str(opcode), "Group Opcode": group, "Recommendation": text}


def _dbm(milliwatts: float) -> float:
    return 10 * math.log10(milliwatts) if milliwatts > 1e-4 else -40.0


def _diagnostics(kind: Optics, now: Monitors, limits: tuple[float, ...]) -> Section:
    """Return what the module measures, with its limits."""
    if kind.passive:
        keys = ("Temperature [C]", "Voltage [mV]", "Bias Current [mA]")
        return dict.fromkeys((*keys, "Rx Power Current [dBm]", "Tx Power Current [dBm]"), "N/A")

    def listed(values: Sequence[float], bounds: str) -> str:
        return ",".join(f"{value:.3f}" for value in values) + f" [{bounds}]"

    bias = f"{kind.bias_ma * 0.35:g}..{kind.bias_ma * 1.6:g}"
    return {
        "Temperature [C]": f"{round(now.celsius)} [{limits[1]:.0f}..{limits[0]:.0f}]",
        "Voltage [mV]": f"{now.volts * 1000:.1f} [2970..3630]",
        "Bias Current [mA]": listed(now.bias_ma, bias),
        "Rx Power Current [dBm]": listed([_dbm(power) for power in now.rx_mw], "-15.2..5.3"),
        "Tx Power Current [dBm]": listed([_dbm(power) for power in now.tx_mw], "-10..6.5"),
    }


def _module(machine: Machine, port: PortState) -> Section:
    module = port.spec.module
    if module is None or module.garbage or port.unplugged:
        return {"Identifier": "N/A", "Vendor Name": "N/A"}
    kind = module.kind
    names = {0x11: "QSFP28", 0x0D: "QSFP+", 0x19: "OSFP"}
    dom = _diagnostics(kind, machine.kernel.monitors(port), module.limits)
    return dom | {
        "Identifier": names.get(kind.identifier, "N/A"),
        "Compliance": kind.words or "N/A",
        "Cable Technology": _TECHNOLOGY.get(kind.technology, "N/A"),
        "Cable Type": "Passive copper cable" if kind.passive else "Optical Module (separated)",
        "OUI": "Other",
        "Vendor Name": kind.vendor,
        "Vendor Part Number": kind.part,
        "Vendor Serial Number": module.serial,
        "Rev": "A0",
        "Wavelength [nm]": f"{kind.wavelength:.0f}" if kind.wavelength else "N/A",
        "Transfer Distance [m]": str(kind.reach),
        "Attenuation (5g,7g,12g) [dB]": "N/A",
        "FW Version": "N/A",
        "Digital Diagnostic Monitoring": "No" if kind.passive else "Yes",
        "Power Class": f"{kind.watts} W max",
        "CDR RX": "N/A" if kind.passive else ",".join(["ON"] * kind.lanes),
        "CDR TX": "N/A" if kind.passive else ",".join(["ON"] * kind.lanes),
        "LOS Alarm": "N/A",
    }


def _counters(machine: Machine, port: PortState) -> Section:
    minutes = machine.world.spec.uptime / 60 + machine.world.time / 60
    bits = minutes * 60 * max(port.spec.speed, 1000) * 1e6
    lanes = [
        int(port.errors.get(f"rx_err_lane_{lane}_phy", 0))
        for lane in range(port.spec.module.kind.lanes if port.spec.module else 4)
    ]
    uncorrectable = int(port.errors.get("fec_uncorrectable_blocks", 0))
    return {
        "Time Since Last Clear [Min]": f"{minutes:.1f}",
        "Effective Physical Errors": str(uncorrectable),
        "Effective Physical BER": _ber(uncorrectable, bits),
        "Raw Physical Errors Per Lane": ",".join(map(str, lanes)),
        "Raw Physical BER": _ber(sum(lanes), bits),
        "Raw Physical BER Per Lane": ",".join(_ber(n, bits / len(lanes)) for n in lanes),
        "Link Down Counter": str(int(port.errors.get("link_down_events_phy", 0))),
        "Link Error Recovery Counter": str(int(port.errors.get("link_error_recovery", 0))),
    }


def _ber(errors: int, bits: float) -> str:
    """As the tool writes it: `15E-255` for none at all."""
    if errors <= 0:
        return "15E-255"
    exponent = math.floor(math.log10(errors / bits))
    return f"{errors / bits / 10**exponent:.0f}E{exponent}"
