"""What the numbers in the texts of mlx5 and mlx4 mean.

mlx5 health.c, cmd.c, en/txrx.h; mlx4 cmd.c, port.c.
"""

from __future__ import annotations

SYNDROMES = {
    0x1: "firmware internal error",
    0x7: "irisc not responding",
    0x8: "unrecoverable hardware error",
    0x9: "firmware CRC error",
    0xA: "ICM fetch PCI error",
    0xB: "HW fatal error",
    0xC: "async EQ buffer overrun",
    0xD: "EQ error",
    0xE: "invalid EQ referenced",
    0xF: "FFSER error",
    0x10: "high temperature",
    0x12: "ICM fetch PCI data poisoned error",
    0x13: "trust lockdown error",
}
FATAL = {
    1: "PCI reads give all ones: the card is off the bus",
    2: "the PCI channel is offline",
    3: "the firmware closed the interface",
    4: "a software reset is under way",
    5: "the firmware asks for a reset",
}
LEVELS = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")
STATUSES = {
    0x1: "internal error",
    0x2: "bad operation",
    0x3: "bad parameter",
    0x4: "bad system state",
    0x5: "bad resource",
    0x6: "resource busy",
    0x8: "limits exceeded",
    0x9: "bad resource state",
    0xA: "bad index",
    0xF: "no resources",
    0x10: "bad QP state",
    0x30: "bad packet (discarded)",
    0x40: "bad size too many outstanding CQEs",
    0x50: "bad input length",
    0x51: "bad output length",
}
HARMLESS = frozenset({0x2, 0x3, 0x5, 0xA, 0x10, 0x30, 0x40})
"""Somebody asked wrongly, or for what the firmware does not have."""
MONITORS = ("ACCESS_REG", "QUERY_", "DESTROY_")
MLX4_STATUSES = {
    0x1: "internal error",
    0x2: "bad operation",
    0x3: "bad parameter",
    0x4: "bad system state",
    0x5: "bad resource",
    0x6: "resource busy",
    0x8: "limits exceeded",
    0x9: "bad resource state",
    0xA: "bad index",
    0xB: "the flash is corrupt",
    0xC: "ICM error",
    0x10: "bad QP state",
    0x40: "bad size",
}
MADS = {
    1: "invalid port",
    2: "not supported",
    3: "cable is not connected",
    4: "the connected cable has no EPROM",
    5: "invalid page",
    6: "invalid address",
    7: "invalid I2C slave address",
    8: "the cable violates QSFP",
    9: "the bus is busy",
}
BENIGN_MADS = (3, 4, 7)
CQES = {
    0x1: "bad length",
    0x2: "QP operation",
    0x4: "protection",
    0x5: "flushed",
    0x6: "window",
    0x10: "bad response",
    0x11: "access",
    0x12: "invalid at the peer",
    0x13: "access at the peer",
    0x14: "operation at the peer",
    0x15: "retries exceeded",
    0x16: "receiver not ready",
    0x22: "aborted",
}

PRINTERS = (
    *("mlx", "ipoib", "ib_", "cma_", "cm_", "aer_", "pcie_", "dmar", "amd_iommu", "iommu"),
    *(
        "temp_warn",
        "net_ratelimit",
        "printk_ratelimit",
        "netdev_rx_csum",
        "add_roce_gid",
        "dump_cqe",
    ),
)
"""How functions begin that print what this vocabulary has."""
