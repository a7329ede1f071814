"""Doors to other frameworks and protocols; nothing in the core imports them."""
