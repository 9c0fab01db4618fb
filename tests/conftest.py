"""How often hypothesis tries a property, in one place: `--hypothesis-profile=thorough` for more."""

from hypothesis import settings

settings.register_profile("quick", max_examples=25, deadline=None)
settings.register_profile("thorough", max_examples=100, deadline=None)
settings.load_profile("quick")
