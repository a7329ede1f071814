"""Incremental parsing of what a model writes: thoughts, content and tool calls."""
