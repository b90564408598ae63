"""The ways in: HTTP, the command line, and the library.

Here settings are read, adapters chosen, and the use cases called; what they return is shown in the
form that the way in wants. No rule of the domain and no SQL may live here.
"""
