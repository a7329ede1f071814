"""A stateful Python interpreter for models, in a sandbox that requires only Linux."""

from __future__ import annotations

from qwen3_tools.code_interpreter.interpreter import CodeInterpreter
from qwen3_tools.code_interpreter.result import CodeResult, format_result
from qwen3_tools.code_interpreter.self_test import SelfTest, self_test

__all__ = ["CodeInterpreter", "CodeResult", "SelfTest", "format_result", "self_test"]
