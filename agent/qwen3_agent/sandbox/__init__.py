"""The sandboxed code interpreter."""

from qwen3_tools.code_interpreter import (
    CodeInterpreter,
    CodeResult,
    SelfTest,
    format_result,
    self_test,
)

__all__ = ["CodeInterpreter", "CodeResult", "SelfTest", "format_result", "self_test"]
