"""Sandbox backends: bubblewrap and control groups."""
