"""`python -m mlxtop`."""

from mlxtop.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
