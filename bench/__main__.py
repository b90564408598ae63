"""The bench of two minutes, with few posts: `make bench`, or `python -m bench`.

The others, which take longer or want something, are modules to be run by themselves.
"""

from bench import load

if __name__ == "__main__":
    load.main(posts=20_000, rounds=3, seconds=0.7)
