"""Runs programs written for Qwen-Agent, and offers our engines to Qwen-Agent.

    from qwen3_agent.integrations.qwen_agent import Assistant    # was: qwen_agent.agents

Qwen-Agent, the extra `qwen-agent`, is only necessary for tools that are registered there, for its
`Message` objects, and for `register_model_type`.
"""

from .assistant import Assistant
from .optional import from_qwen_agent_package
from .settings import MODEL_TYPE

__all__ = ["Assistant", "register_model_type"]


def register_model_type() -> None:
    """Offer our engines to Qwen-Agent: `llm={"model_type": "qwen3_agent", "model": ...}`.

    `model` is that of `Agent`; leave it out for the default model.

    Raises:
        Qwen3AgentError: Qwen-Agent is not installed.
    """
    register_llm = from_qwen_agent_package("llm.base").register_llm
    from .model import Qwen3AgentModel

    register_llm(MODEL_TYPE)(Qwen3AgentModel)
