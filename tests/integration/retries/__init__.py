"""Requests that are sent again, to real servers that died of the first one."""
