"""The two ends of a link: which ports they are, and what only both of them together tell."""
