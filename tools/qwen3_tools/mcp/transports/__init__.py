"""Transports to MCP servers: stdio, HTTP, processes and sign-in."""
