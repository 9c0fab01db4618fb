"""Readers: one kernel interface or tool a file, read_x beside parse_x; nothing here changes
anything.
"""
