"""Settings, options and trust: what a command is configured with."""
