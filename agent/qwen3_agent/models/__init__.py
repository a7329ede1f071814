"""Models: a conversation in, parsed messages out."""
