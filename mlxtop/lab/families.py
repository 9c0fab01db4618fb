"""What the chips are: PCI ids, drivers and names, and the optics that machines are given.

PCI ids of drivers/net/ethernet/mellanox/mlx5/core/main.c and mlx4/main.c; module codes of
SFF-8024, byte meanings of SFF-8636 and CMIS.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """One chip: its driver, ids and the names that tools give it."""

    driver: str
    device: int
    vf_device: int
    tool_name: str
    """`Device type` of mstconfig."""
    pci_class: int = 0x020000
    warning: int = 105
    """Warning threshold of the ASIC, degrees Celsius."""

    @property
    def hca_type(self) -> str:
        """`hca_type` of the RDMA device: the PCI id in decimal."""
        return f"MT{self.device}"

    @property
    def mlx4(self) -> bool:
        """ConnectX-2 and -3: two ports on one function, no sensors."""
        return self.driver == "mlx4_core"


FAMILIES = {
    "ConnectX-2": Family("mlx4_core", 0x673C, 0x1002, "ConnectX2", 0x0C0600),
    "ConnectX-3": Family("mlx4_core", 0x1003, 0x1004, "ConnectX3", 0x028000),
    "ConnectX-4": Family("mlx5_core", 0x1013, 0x1014, "ConnectX4"),
    "ConnectX-5": Family("mlx5_core", 0x1017, 0x1018, "ConnectX5"),
    "ConnectX-6": Family("mlx5_core", 0x101B, 0x101C, "ConnectX6"),
    "ConnectX-6 Dx": Family("mlx5_core", 0x101D, 0x101E, "ConnectX6DX"),
    "ConnectX-7": Family("mlx5_core", 0x1021, 0x101E, "ConnectX7", warning=97),
}


@dataclass(frozen=True, slots=True)
class Optics:
    """A kind of module or cable: codes of its EEPROM and the limits that it carries."""

    identifier: int
    """SFF-8024 table 4-1: 0x0d QSFP+, 0x11 QSFP28, 0x19 OSFP, 0x1e QSFP112."""
    vendor: str
    oui: str
    part: str
    connector: int
    code: int
    """SFF-8636 extended compliance (byte 192), or CMIS media interface (byte 87)."""
    technology: int
    """Transmitter: upper half of SFF-8636 byte 147, or CMIS byte 212."""
    words: str
    """Compliance as mlxlink words it."""
    compliance: int = 0x80
    """SFF-8636 byte 131; 0x80 refers to the extended code."""
    wavelength: float = 0.0
    reach: int = 0
    """Metres of fibre or copper."""
    single_mode: bool = False
    lanes: int = 4
    watts: float = 3.5
    """At most."""
    limits: tuple[float, float, float, float] = (75.0, -5.0, 70.0, 0.0)
    """Module temperature: high alarm, low alarm, high warning, low warning."""
    rx_mw: float = 0.62
    tx_mw: float = 0.85
    bias_ma: float = 7.5
    nominal: int = 25500
    """Bit rate of one lane, Mb/s."""

    @property
    def cmis(self) -> bool:
        """Its memory is laid out by CMIS."""
        return self.identifier in (0x18, 0x19, 0x1E)

    @property
    def passive(self) -> bool:
        """A copper cable: nothing to measure."""
        return self.tx_mw == 0.0


_MELLANOX = "0002c9"
_COPPER = 0xA
"""Copper cable, unequalized."""
_LC, _MPO, _NO_CONNECTOR = 0x07, 0x0C, 0x23

OPTICS = {
    "cwdm4": Optics(
        *(0x11, "FINISAR CORP.", "009065", "FTLC1152RGPL", _LC, 0x06, 4),
        words="100G CWDM4 MSA with FEC",
        wavelength=1301.0,
        reach=2000,
        single_mode=True,
        bias_ma=38.0,
        limits=(80.0, -5.0, 75.0, 0.0),
    ),
    "sr4": Optics(
        *(0x11, "Mellanox", _MELLANOX, "MMA1B00-C100D", _MPO, 0x02, 0),
        words="100GBASE-SR4 or 25GBASE-SR",
        wavelength=850.0,
        reach=100,
        watts=2.5,
    ),
    "sr4-40": Optics(
        *(0x0D, "AVAGO", "00176a", "AFBR-79EQDZ", _MPO, 0, 0),
        words="40GBASE-SR4",
        compliance=0x04,
        wavelength=850.0,
        reach=100,
        watts=1.5,
        nominal=10300,
    ),
    "dac-40": Optics(
        *(0x0D, "Mellanox", _MELLANOX, "MC2206130-002", _NO_CONNECTOR, 0, _COPPER),
        words="40GBASE-CR4",
        compliance=0x08,
        reach=2,
        watts=1.5,
        tx_mw=0.0,
        nominal=10300,
    ),
    "dac-qdr": Optics(
        *(0x0D, "Mellanox", _MELLANOX, "MCC4Q30C-003", _NO_CONNECTOR, 0, _COPPER),
        words="N/A",
        compliance=0x00,
        reach=3,
        watts=1.5,
        tx_mw=0.0,
        nominal=10000,
    ),
    "sr4-200": Optics(
        *(0x11, "Mellanox", _MELLANOX, "MMA1T00-VS", _MPO, 0x41, 0),
        words="200GBASE-SR4",
        wavelength=850.0,
        reach=100,
        watts=3.5,
        nominal=53125,
        limits=(80.0, -10.0, 75.0, -5.0),
    ),
    "osfp-sr4": Optics(
        *(0x19, "NVIDIA", "48b02d", "MMA4Z00-NS400", _MPO, 0x11, 0),
        words="400GBASE-SR4",
        wavelength=850.0,
        reach=50,
        watts=9.0,
        nominal=106250,
        rx_mw=1.1,
        tx_mw=1.3,
        limits=(80.0, -10.0, 75.0, -5.0),
    ),
}
"""Modules and cables by the name that machine files use."""
