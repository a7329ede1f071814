"""Records every run on disk as it happens, for reading, resuming and exporting it.

A run is a folder with the file `journal.jsonl`: one JSON object per line, appended and never
changed. Each has a `type` and a time, `at`, in seconds since 1970. Readers ignore unknown types and
fields; `version` is raised when that is not enough.

    journal             version, id, program, task (if known), cwd, command (of `qwen3-agent run`)
    opened              model, route, tools, resumed: once for each process that worked on the run
    turn                index, text: the user's message
    turn_undone         the user undid the last turn
    compacted           before, after: the user compacted the conversation
    model_changed       model, route, source: the user switched to another model
    step_started        and other events of `qwen3_agent.events`, without pieces of text; also with
    message_finished    the times of the first text and of the end of the thought,
    tool_call_finished  and the names of copied images
    ended               how, error, said: instead of run_finished if there is no answer

`turn`, `step_started`, `message_finished`, `step_finished` and the actions of the user between two
turns have a `ledger`: the additions to the transcript (`segments`) and the conversation
(`messages`) since the last one, and how many earlier ones remain (`kept`). A record is written
before the action that it announces begins, so the state of a run that was killed between any two
records is known exactly; at most the message that the model was writing and the result of a running
tool are lost.

Each line is one `write`. The file is synced to disk (fsync) when a step or the run ends, and before
a call that may change something.
"""

from .folder import Runs
from .recorded import RecordedCall, RecordedRun, RecordedStep, RecordedTurn, RunSummary
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
