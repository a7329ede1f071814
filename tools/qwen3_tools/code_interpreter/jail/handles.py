"""The launcher's file descriptors besides stdout and stderr."""

REQUESTS, REPLIES = 0, 3
"""Descriptors of the worker: requests and replies."""

REPORTS, ORDERS = 4, 5
"""Descriptors of the supervisor: its reports, and orders to it."""

LISTENER = 6
"""With a proxy: a socket for sending the listening socket to the host."""
