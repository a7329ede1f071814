"""Programs that were written for Qwen-Agent, over an agent of ours."""

from .assistant import Assistant, register_model_type

__all__ = ["Assistant", "register_model_type"]
