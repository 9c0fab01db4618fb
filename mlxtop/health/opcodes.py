"""What the firmware's status opcode of a link means, in words.

NVIDIA publishes the numbers under "Link Diagnostic Per Port": 0 to 1023 are the PHY's, from 1024
on the management's.
https://docs.nvidia.com/networking/display/nvidianvosusermanualforinfinibandswitchesv25024002/link+diagnostic+per+port
has the groups, and the modules' numbers from 1024 on;
https://docs.nvidia.com/networking/display/NVIDIAMLNXOSUserManualv3104500LTS/Link+Diagnostic+Per+Port
tells 2 to 30 one by one.
"""

from __future__ import annotations

OPCODES = {
    0: "no trouble seen",
    1: "the port was closed by a command",
    2: "autonegotiation: no partner answers",
    3: "autonegotiation: the partner did not acknowledge",
    4: "autonegotiation: the exchange of pages failed",
    5: "link training: the frames were not found",
    6: "link training: it took too long",
    7: "link training: the partner did not get ready",
    8: "link training: tuning did not end",
    9: "no lock on the blocks",
    10: "no lock on the alignment markers",
    11: "the lanes were not aligned",
    12: "no lock by Fire code FEC: does the peer use another FEC?",
    13: "no lock by RS-FEC: does the peer use another FEC?",
    14: "the peer reports a fault (remote fault)",
    15: "bad signal integrity",
    16: "cable and port do not have a protocol in common",
    17: "bad signal: many bit errors",
    18: "internal: the port is disabled by a key",
    19: "internal: the phase of the receiver failed",
    20: "the cable or module is not of the vendor",
    21: "closed by the subnet manager",
    22: "internal: disabled by verification",
    23: "internal: calibration failed",
    **dict.fromkeys(range(24, 33), "the cable's code does not allow the protocol"),
    34: "the link fell back to a lower speed",
    35: "the link fell back to a lower speed",
    38: "autonegotiation failed",
    39: "autonegotiation failed",
    40: "the ends are of different types (InfiniBand, Ethernet)",
    41: "the module cannot be set to the speed",
    **dict.fromkeys((42, 48, 49, 52), "bad signal integrity"),
    **dict.fromkeys((50, 55), "internal error"),
    56: "the frequencies of the module's lanes differ",
    57: "no signal",
    60: "no partner for a long time",
    128: "the firmware is still looking for the reason",
    1023: "the firmware does not tell",
    1024: "the cable is unplugged",
    1025: "a long-range module that is not of the vendor",
    1026: "the module's bus is stuck (I2C)",
    1027: "the module's memory is bad or not supported",
    1028: "the module is not on the list of allowed parts",
    1029: "the cable is not supported",
    1030: "the module was switched off because of heat",
    1031: "the cable is shorted",
    1032: "the module wants more power than there is",
    1033: "closed by management",
    1034: "the module was disabled by a command",
    1035: "switched off: the system has too little power",
    1036: "the module's kind is not enabled",
    1040: "the slot gives too little power (PCIe)",
    1042: "the module's state machine failed",
}


def opcode_words(opcode: int | None) -> str:
    """Return what an opcode means; the number for one that is not published, "" for none.

    >>> opcode_words(1030), opcode_words(700), opcode_words(0)
    ('the module was switched off because of heat', 'firmware opcode 700', '')
    """
    if not opcode:
        return ""
    return OPCODES.get(opcode, f"firmware opcode {opcode}")
