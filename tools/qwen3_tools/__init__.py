"""Everything a model can call."""
