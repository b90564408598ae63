"""`python -m hashpost` is the command `hashpost`."""

from hashpost.entrypoints.cli import main

if __name__ == "__main__":
    main()
