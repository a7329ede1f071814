"""Sandbox backends: bubblewrap, Docker, and control groups."""
