"""Keep the path to a peer: probe every way there, and switch routes when one dies."""
