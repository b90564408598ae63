"""Run the benches of a few minutes: `make bench`, or `python -m bench`; `bench.delivery` takes longer."""

from bench import extraction, imports


def main() -> None:
    """Print their tables."""
    extraction.main()
    imports.main()


if __name__ == "__main__":
    main()
