"""The options that `run` and `chat` share: the agent, its limits, and where it is recorded."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import typer

from .approval_options import AllowOption, DenyOption, YesOption, check_patterns
from .options import (
    AgentOption,
    AtLimitOption,
    BaseUrlOption,
    EngineOption,
    EngineSettingOption,
    HubOption,
    MaxCallsOption,
    MaxStepsOption,
    MaxTokensOption,
    ModelOption,
    NoJournalOption,
    NoMcpOption,
    RunsOption,
    ThinkOption,
    ThinkTotalOption,
    TimeoutOption,
    UploadOption,
    VerboseOption,
    WorkDirOption,
    agent_file,
    check_url,
    engine_options,
    thinking_option,
)
from .servers import McpOption

if TYPE_CHECKING:
    from ...journal import RecordedRun

_OF_ONE_TIME = {"verbose", "runs", "no_journal", "upload"}
"""Options that do not describe the agent; uploaded files are already in the run's folder."""
_PATHS = {"work_dir", "mcp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOptions:
    """The options, in the order in which the help shows them."""

    model: ModelOption = None
    base_url: BaseUrlOption = None
    engine: EngineOption = None
    engine_option: EngineSettingOption = None
    hub: HubOption = None
    mcp: McpOption = None
    no_mcp: NoMcpOption = False
    agent: AgentOption = None
    work_dir: WorkDirOption = None
    upload: UploadOption = None
    think: ThinkOption = None
    think_total: ThinkTotalOption = None
    max_steps: MaxStepsOption = None
    max_calls: MaxCallsOption = None
    max_tokens: MaxTokensOption = None
    timeout: TimeoutOption = None
    at_limit: AtLimitOption = None
    yes: YesOption = False
    allow: AllowOption = None
    deny: DenyOption = None
    runs: RunsOption = None
    no_journal: NoJournalOption = False
    verbose: VerboseOption = False

    def check(self) -> None:
        """Raise typer.BadParameter if an option is invalid, or two exclude each other."""
        if self.mcp and self.no_mcp:
            raise typer.BadParameter("--mcp and --no-mcp exclude each other.")
        if self.timeout is not None and not self.timeout > 0:
            raise typer.BadParameter(
                f"--timeout must be more than 0 seconds, not {self.timeout:g}."
            )
        if thinking_option(self.think) == "off" and self.think_total is not None:
            raise typer.BadParameter("--think off leaves nothing for --think-total to bound.")
        agent_file(self.agent)
        check_url(self.base_url)
        check_patterns(self.allow, self.deny)
        engine_options(self.engine_option)

    def for_journal(self) -> dict[str, Any]:
        """Return the options to resume the run with, as JSON."""
        kept = {name: value for name, value in asdict(self).items() if name not in _OF_ONE_TIME}
        for name in _PATHS:
            value = kept[name]
            kept[name] = [str(each) for each in value] if isinstance(value, list) else _text(value)
        return kept

    def over_those_of(self, run: RecordedRun) -> AgentOptions:
        """Return the options to resume a run with: these, and the run's own where none is given.

        Goes to the folder where it began: what is relative in its options was meant from there.
        """
        known = {field.name for field in fields(self)}
        options = {name: given for name, given in (run.command or {}).items() if name in known}
        for name in _PATHS & options.keys():
            value = options[name]
            options[name] = (
                [Path(each) for each in value] if isinstance(value, list) else value and Path(value)
            )
        options["model"] = run.model_source or options.get("model")
        options |= {name: value for name, value in asdict(self._located()).items() if value}
        if Path(run.cwd).is_dir():
            os.chdir(run.cwd)
        return AgentOptions(**options)

    def _located(self) -> AgentOptions:
        """Return the same options with absolute paths."""
        return replace(
            self,
            agent=self.agent and str(Path(self.agent).absolute()),
            mcp=self.mcp and [path.absolute() for path in self.mcp],
            work_dir=self.work_dir and self.work_dir.absolute(),
            upload=self.upload and [path.absolute() for path in self.upload],
            runs=self.runs and self.runs.absolute(),
        )


def takes_agent_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command with a parameter `options: AgentOptions` a command-line option for each."""
    hints = get_type_hints(AgentOptions, include_extras=True)
    shared = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=hints[field.name],
        )
        for field in fields(AgentOptions)
    ]
    own = [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for each in inspect.signature(command, eval_str=True).parameters.values()
        if each.name != "options"
    ]

    @functools.wraps(command)
    def with_options(**given: Any) -> None:
        options = AgentOptions(**{each.name: given.pop(each.name) for each in shared})
        command(**given, options=options)

    vars(with_options)["__signature__"] = inspect.Signature([*shared, *own])
    return with_options


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
