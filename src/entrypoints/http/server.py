"""Serving the application, on uvicorn."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Any

from hashpost.entrypoints.http.asgi import Application

DRAIN_SECONDS = 10
"""How long requests under way may take once the server is told to stop."""


def serve(
    app: Callable[[], Application] | str,
    *,
    host: str,
    port: int,
    workers: int = 1,
    trusted_proxies: Sequence[str] = (),
) -> None:
    """Serve until SIGTERM or SIGINT: then take no more connections, finish what is asked, return.

    `app` makes the application; more than one worker need it as `module:function`. Each worker is a
    process of its own. `trusted_proxies` are the addresses and networks whose `X-Forwarded-For` is
    believed. Logging is left as it was set up.

    Raises:
        SystemExit: it cannot listen there, or the application does not start.
    """
    from uvicorn import Config, Server
    from uvicorn.config import STARTUP_FAILURE
    from uvicorn.supervisors import Multiprocess

    config = Config(app, host=host, port=port, workers=workers, **settings(trusted_proxies))
    with _no_death_by_signal():
        if workers == 1:
            server = Server(config)
            with suppress(SystemExit):
                server.run()
            has_failed = not server.started
        else:
            supervisor = Multiprocess(config, sockets=[config.bind_socket()])
            supervisor.run()
            has_failed = any(each.exitcode == STARTUP_FAILURE for each in supervisor.processes)
    if has_failed:
        raise SystemExit(1)


def settings(trusted_proxies: Sequence[str] = ()) -> dict[str, Any]:
    """How uvicorn is set up here, but for where it listens and with how many processes."""
    from hashpost.entrypoints.http.protocol import Http11

    return {
        "factory": True,
        "interface": "asgi3",
        "lifespan": "on",
        "loop": "uvloop",
        "http": Http11,
        "ws": "none",
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "date_header": True,
        "proxy_headers": bool(trusted_proxies),
        "forwarded_allow_ips": list(map(str, _as_seen(trusted_proxies))),
        "timeout_graceful_shutdown": DRAIN_SECONDS,
    }


def _as_seen(networks: Sequence[str]) -> Iterator[IPv4Network | IPv6Network]:
    """These networks, those of IPv4 also as a socket for both shows them (RFC 4291, 2.5.5.2)."""
    for network in map(ip_network, networks):
        yield network
        if isinstance(network, IPv4Network):
            mapped = IPv6Address(f"::ffff:{network.network_address}")
            yield IPv6Network((int(mapped), 96 + network.prefixlen))


@contextmanager
def _no_death_by_signal() -> Iterator[None]:
    """Let a drained server return: uvicorn raises the signal again when it is done."""
    handled = (signal.SIGTERM, signal.SIGINT)
    before = {each: signal.signal(each, lambda *_: None) for each in handled}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
