"""Run a program for Qwen-Agent after changing only its import.

python examples/from_qwen_agent.py [model]
"""

from __future__ import annotations

import sys

from qwen3_agent.integrations.qwen_agent import Assistant  # before: from qwen_agent.agents


def main(model: str | None) -> None:
    bot = Assistant(
        llm={"model": model, "generate_cfg": {"thought_in_content": False}},
        function_list=[
            {"mcpServers": {"time": {"command": "uvx", "args": ["mcp-server-time"]}}},
            "code_interpreter",
        ],
    )
    messages = [{"role": "user", "content": "What time is it in Tokyo right now?"}]
    for responses in bot.run(messages=messages):  # noqa: B007
        pass
    print(responses[-1]["content"])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
