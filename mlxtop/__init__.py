"""mlxtop: a terminal monitor for Mellanox/NVIDIA ConnectX adapters."""

__version__ = "0.2.0"
