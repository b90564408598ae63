"""What hashpost does: one use case a class, and the ports it needs from the world.

A use case decides with the domain and acts through ports; `service.py` lists them all. Only the
domain and the standard library may be imported here: no adapter, no framework, no clock.
"""
