"""The floor: how little a server can do that answers the same requests from the same tables.

A bare ASGI program on uvicorn: no framework, psycopg and msgspec only, one hand-written statement a
route, and the same check of the token: its signature once (then it is remembered), user and session
every five seconds. What it leaves out is what makes a product: it checks nothing else of a request,
and it is not exact. Counts and the ranking are those of its start, in a table of its own; a page by
number begins where it began when it was first asked for. So it can tell what the best of all
programs would cost, and be trusted with nothing; least with a database for anything but benches: it
writes behind the back of hashpost.

    python -m bench.floor postgresql://postgres@127.0.0.1:5432/bench
"""
