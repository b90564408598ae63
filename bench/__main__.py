"""Run every bench: `make bench`, or `python -m bench`."""

from bench import extraction, imports


def main() -> None:
    """Print all tables."""
    extraction.main()
    imports.main()


if __name__ == "__main__":
    main()
