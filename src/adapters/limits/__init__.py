"""Counting what callers do, for rate limits: in the process, or in Redis for all processes.

Both count within a moving window, by the library `limits`: of any so many seconds, not of minutes
by the clock. What is counted, and how often it may happen, is told by whoever counts.
"""
