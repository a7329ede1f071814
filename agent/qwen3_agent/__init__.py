"""Tool-calling agents on Qwen3 models that run on your own hardware."""
