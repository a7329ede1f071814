"""Tools: `@tool`, tool sources, and what a tool may use while it runs."""

from qwen3_tools.artifacts import save_artifact
from qwen3_tools.context import RunContext
from qwen3_tools.progress import Progress, progress_to, report_progress
from qwen3_tools.source import RunResources, ToolSource
from qwen3_tools.tool import Tool, ToolResult, tool
from qwen3_tools.toolbox import Toolbox

__all__ = [
    "Progress",
    "RunContext",
    "RunResources",
    "Tool",
    "ToolResult",
    "ToolSource",
    "Toolbox",
    "progress_to",
    "report_progress",
    "save_artifact",
    "tool",
]
