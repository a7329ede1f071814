"""The configuration of a command: options, settings and trust."""
