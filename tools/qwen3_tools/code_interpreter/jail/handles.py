"""The launcher's file descriptors besides stdout and stderr."""

REQUESTS, REPLIES = 0, 3
"""The worker's: cells in, results out."""

REPORTS, ORDERS = 4, 5
"""The supervisor's: what it has seen, and what it is to do."""

LISTENER = 6
"""Where code may use a proxy: a socket, to send the host the one that listens inside."""
