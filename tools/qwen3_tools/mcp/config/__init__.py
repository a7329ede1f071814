"""The MCP config file: reading, validating and editing it."""
