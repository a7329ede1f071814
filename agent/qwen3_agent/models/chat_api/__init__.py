"""Models behind an OpenAI-compatible chat completions server."""
