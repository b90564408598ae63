"""Brings messages to workers by taskiq, in this process or over Redis.

The row in the outbox is the truth about a message and the queue only wakes, so whatever is lost,
doubled or late here does no harm: a sweep tells again of what is due. What a job does, and whether
it is to be done, is not known here.
"""
