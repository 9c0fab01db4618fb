"""Throughput tests: planned from the hardware, guarded by heat, recorded."""
