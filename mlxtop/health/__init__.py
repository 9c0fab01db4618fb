"""The health of a link over days and months: what it was at its best, and where it is heading."""
