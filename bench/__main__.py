"""Run the benches that take minutes: `make bench`, or `python -m bench`.

`python -m bench.delivery` takes longer, and is not among them.
"""

from bench import extraction, imports


def main() -> None:
    """Print their tables."""
    extraction.main()
    imports.main()


if __name__ == "__main__":
    main()
