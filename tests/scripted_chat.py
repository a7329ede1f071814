"""An agent for chats in a pseudo-terminal: a scripted engine that writes as slowly as a real one.

`qwen3-agent chat --agent tests/scripted_chat.py`
"""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import anyio

sys.path.insert(0, str(Path(__file__).parent))

from scripted import STOP, ScriptedEngine, bundled, call, encode

from qwen3_agent import Agent, tool
from qwen3_agent.engines.request import Chunk, GenerationRequest
from qwen3_agent.models.local import LocalModel
from qwen3_tools.progress import report_progress

ANSWER = """Three rooms are **free**:

| room | seats |
| --- | --- |
| Ada | 4 |
| Grace | 12 |

```python
rooms = ["Ada", "Grace"]
```

- Take *Ada* for the two of you, since it is close, quiet, and has a window to the yard behind.
- Take Grace otherwise.
"""
LONG_THOUGHT = " ".join(f"First I look at room {number}, then at the next." for number in range(99))
WORDS = [f"word{number}" for number in range(200)]
SCRIPT = (
    "<think>\nI look the rooms up.\n</think>\n\n" + call("free_rooms", day="Monday"),
    ANSWER,
    f"<think>\n{LONG_THOUGHT}\n</think>\n\nNone.",
    "<think>\nThey stopped me.\n</think>\n\nWell, then not.",
    call("book", room="Ada", note="Window\nopen"),
    "Then not Ada.",
    call("book", room="Grace"),
    call("book", room="Grace"),
    "Grace is yours.",
)


class SlowEngine(ScriptedEngine):
    """Takes its time for each token."""

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk, None]:
        async for chunk in super().generate(request):
            await anyio.sleep(0.005)
            yield chunk


@tool
async def free_rooms(day: str) -> str:
    """Which rooms are free.

    Args:
        day: of the week.
    """
    for floor in range(3):
        report_progress(floor, 3, f"floor {floor}")
        await anyio.sleep(0.5)
    return "Ada: 4 seats\nGrace: 12 seats"


@tool(requires_approval=True)
async def book(room: str, note: str = "") -> str:
    """Book a room.

    Args:
        room: its name.
        note: for those who get it ready.
    """
    return f"{room} is booked."


def model(*script: str) -> LocalModel:
    """The bundled model's tokenizer and chat format over a script."""
    _, chat_format = bundled()
    return LocalModel(SlowEngine(script, encode, STOP), chat_format, name="scripted")


agent = Agent(model(*SCRIPT), tools=[free_rooms, book])
talker = Agent(model(" ".join(WORDS), "That was all.", "They counted words."), thinking="off")
