"""The options that `run` and `chat` share: the agent, its limits, and where it is recorded."""

from __future__ import annotations

import functools
import inspect
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import typer

from . import options

if TYPE_CHECKING:
    from ...journal import RecordedRun

_NOT_RECORDED = {"verbose", "runs", "no_journal", "upload"}
"""Options that do not describe the agent; uploaded files are already in the run's folder."""
_PATHS = ("mcp", "agent", "work_dir", "upload", "runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOptions:
    """The options, in the order in which the help shows them."""

    model: options.ModelOption = None
    base_url: options.BaseUrlOption = None
    engine: options.EngineOption = None
    engine_option: options.EngineSettingOption = None
    hub: options.HubOption = None
    mcp: options.McpOption = None
    no_mcp: options.NoMcpOption = False
    agent: options.AgentOption = None
    work_dir: options.WorkDirOption = None
    upload: options.UploadOption = None
    think: options.ThinkOption = None
    think_total: options.ThinkTotalOption = None
    max_steps: options.MaxStepsOption = None
    max_calls: options.MaxCallsOption = None
    max_tokens: options.MaxTokensOption = None
    timeout: options.TimeoutOption = None
    at_limit: options.AtLimitOption = None
    yes: options.YesOption = False
    allow: options.AllowOption = None
    deny: options.DenyOption = None
    runs: options.RunsOption = None
    no_journal: options.NoJournalOption = False
    verbose: options.VerboseOption = False

    def check(self) -> None:
        """Raise typer.BadParameter if an option is invalid, or two exclude each other."""
        options.check_servers(self.mcp, no_mcp=self.no_mcp)
        if self.timeout is not None and not self.timeout > 0:
            raise typer.BadParameter(
                f"--timeout must be more than 0 seconds, not {self.timeout:g}."
            )
        if options.thinking_option(self.think) == "off" and self.think_total is not None:
            raise typer.BadParameter("--think off and --think-total cannot be used together.")
        options.agent_file(self.agent)
        options.check_url(self.base_url)
        options.check_patterns("--allow", self.allow)
        options.check_patterns("--deny", self.deny)
        options.engine_options(self.engine_option)

    def for_journal(self) -> dict[str, Any]:
        """Return the options to resume the run with, as JSON."""
        kept = {name: value for name, value in asdict(self).items() if name not in _NOT_RECORDED}
        return dict(json.loads(json.dumps(kept, default=str)))

    def over_those_of(self, run: RecordedRun) -> AgentOptions:
        """Return the options to resume a run with: its own, overridden by these.

        Changes to the folder where the run began, which its relative paths refer to.
        """
        from pydantic import TypeAdapter

        known = {field.name for field in fields(self)}
        recorded = {name: value for name, value in (run.command or {}).items() if name in known}
        recorded["model"] = run.model_source or recorded.get("model")
        given = {name: value for name, value in asdict(self).items() if value}
        given |= {name: _absolute(given[name]) for name in _PATHS if name in given}
        if Path(run.cwd).is_dir():
            os.chdir(run.cwd)
        return TypeAdapter(AgentOptions).validate_python(recorded | given)


def takes_agent_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command with a parameter `options: AgentOptions` a command-line option for each."""
    hints = get_type_hints(AgentOptions, include_extras=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    shared = [
        inspect.Parameter(each.name, keyword, default=each.default, annotation=hints[each.name])
        for each in fields(AgentOptions)
    ]
    own = [
        each.replace(kind=keyword)
        for each in inspect.signature(command, eval_str=True).parameters.values()
        if each.name != "options"
    ]

    @functools.wraps(command)
    def with_options(**given: Any) -> None:
        chosen = AgentOptions(**{each.name: given.pop(each.name) for each in shared})
        command(**given, options=chosen)

    vars(with_options)["__signature__"] = inspect.Signature([*shared, *own])
    return with_options


def _absolute(path: Any) -> Any:
    """Return an absolute path of the same type, or a list of them."""
    if isinstance(path, list):
        return [_absolute(each) for each in path]
    return type(path)(Path(path).absolute())
