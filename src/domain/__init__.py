"""What hashpost talks about: posts, hashtags, users, sessions, pages, and their rules.

Pure functions and frozen values over the standard library; time, ids and randomness come in as
arguments. No input or output, no framework, and nothing from the other layers may live here.
"""
