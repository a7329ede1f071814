"""HTTP client for OpenAI-compatible servers."""
