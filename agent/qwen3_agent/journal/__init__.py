"""Every run on disk as it happens, so that it can be looked at, resumed and exported.

A run is a folder with `journal.jsonl` in it: one JSON object a line, appended and never changed.
Each has a `type` and `at`, the time in seconds since 1970. A reader ignores types and fields that
it does not know; `version` grows when that is not enough.

    journal             version, id, program, task (if known), cwd, command (of `qwen3-agent run`)
    opened              model, route, tools, resumed: once for each process that worked on the run
    turn                index, text: the user's message
    turn_undone         the user has taken the last one back
    compacted           before, after: the user has had the conversation made shorter
    model_changed       model, route, source: the user has gone on with another one
    step_started        and other events of `qwen3_agent.events`, without pieces of text; with
    message_finished    the times when the first text came and when the thought ended,
    tool_call_finished  and the images that were kept
    ended               how, error, said: in place of run_finished where there is no answer

`turn`, `step_started`, `message_finished`, `step_finished` and what the user does between two turns
have a `ledger`: what was added to the transcript (`segments`) and the conversation (`messages`)
since the last one, and how many of the ones before stand (`kept`). A line is written before what
it announces begins, so that a run killed between any two lines is known exactly; what is lost is
at most the message that the model was writing, and the result of a tool that had no time to answer.

Writing is one `write` a line. The file is forced to disk (fsync) when a step ends, when the run
ends, and before a call that may change something.
"""

from .folder import Runs
from .reader import RecordedCall, RecordedRun, RecordedStep, RecordedTurn, RunSummary
from .writer import Journal

__all__ = [
    "Journal",
    "RecordedCall",
    "RecordedRun",
    "RecordedStep",
    "RecordedTurn",
    "RunSummary",
    "Runs",
]
