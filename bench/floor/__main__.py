"""Serves the floor over a database that `bench.fill` has filled."""

import argparse
import socket

import uvicorn

from bench.floor.program import Floor


def main() -> None:
    """Serve that database on a free port, which is printed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="postgresql://USER@HOST:PORT/NAME")
    floor = Floor(parser.parse_args().url)
    config = uvicorn.Config(
        floor,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    line = socket.create_server(("127.0.0.1", 0))
    print(f"the floor is on http://127.0.0.1:{line.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run(sockets=[line])


if __name__ == "__main__":
    main()
