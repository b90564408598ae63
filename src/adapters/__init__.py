"""The world behind the ports: one package or module a technology.

An adapter knows the domain and the ports, and the library it speaks to; it never decides what is
allowed. Nothing here may import an entrypoint, and no adapter reaches into another one.
"""
