"""An agent whose calls need a yes, for tests of what a person at the terminal is asked."""

from scripted import call, scripted_model

from qwen3_agent import Agent, tool


@tool(requires_approval=True)
def send(to: str, text: str) -> str:
    """Sends a letter."""
    return f"mailed to {to}"


agent = Agent(
    scripted_model(
        "I write to both." + call("send", to="Ada\x1b[2J", text="Dear Ada,\nall is well."),
        call("send", to="Bob", text="Hello"),
        "Both are written.",
    ),
    tools=[send],
)
