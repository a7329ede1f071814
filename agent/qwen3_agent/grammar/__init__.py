"""Grammars that constrain tool calls and answers during sampling."""
