"""Chat formats: templates, tokenizers, and messages as token ids."""
