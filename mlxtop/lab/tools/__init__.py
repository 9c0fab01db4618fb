"""Commands of a simulated machine, in the words of the real ones."""
