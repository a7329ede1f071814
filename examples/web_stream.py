"""Stream the events of a run from a web handler (Starlette, server-sent events).

python examples/web_stream.py [model]    # then: curl -N "http://127.0.0.1:8080/?task=Hello"
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from qwen3_agent import Agent, CodeInterpreter, Qwen3AgentError


def web_app(model: str | None) -> Starlette:
    agent = Agent(model, tools=[CodeInterpreter()])

    async def run(request: Request) -> StreamingResponse:
        return StreamingResponse(
            server_sent_events(request.query_params.get("task", "")), media_type="text/event-stream"
        )

    async def server_sent_events(task: str) -> AsyncIterator[str]:
        try:
            async with agent.stream(task) as events:  # ends the run if the client disconnects
                async for event in events:
                    yield f"data: {json.dumps(event.to_json())}\n\n"
        except (Qwen3AgentError, ValueError) as error:
            yield f"data: {json.dumps({'type': 'error', 'text': str(error)})}\n\n"

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with agent:  # one model for all requests
            yield

    return Starlette(routes=[Route("/", run)], lifespan=lifespan)


if __name__ == "__main__":
    uvicorn.run(web_app(sys.argv[1] if len(sys.argv) > 1 else None), port=8080)
