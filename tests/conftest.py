"""What all tests share: how often properties are tried, and how the screen's tests wait."""

import textual._wait
from hypothesis import settings

settings.register_profile("quick", max_examples=15, deadline=None)
settings.register_profile("thorough", max_examples=100, deadline=None)
settings.load_profile("quick")
"""`--hypothesis-profile=thorough` tries each property more often."""

textual._wait.SLEEP_GRANULARITY = 0.005
"""Seconds. Pilot waits several of them for each key, 20 ms each: half of the time of all tests.

What takes longer is waited for by name, with `until()`.
"""
