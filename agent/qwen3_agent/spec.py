"""`AgentSpec`: the description of an agent, checked when it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from .limits import Limits
from .models.choose import EngineName, Hub
from .option import option

# The command builds its help from the fields below: only what is cheap may be imported above.

if TYPE_CHECKING:
    from pydantic import SecretStr

    from qwen3_tools.source import ToolSource
    from qwen3_tools.tool import Tool

    from .approvals import Approvals
    from .grammar.tool_grammar import ToolChoice
    from .hooks import Hooks
    from .journal import Runs
    from .loop.output import OutputType
    from .models.session import Model
    from .sampling import Sampling
    from .thinking import Mode, Policy


def _no_approvals() -> Approvals:
    from .approvals import Approvals

    return Approvals()


def _no_hooks() -> Hooks:
    from .hooks import Hooks

    return Hooks()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AgentSpec:
    """The description of an agent: its model, its tools, and the rules for its runs.

    `dataclasses.replace(spec, ...)` derives another one, which is checked again.

    Raises:
        ToolDefinitionError: two tools have the same name.
        TypeError: a value has the wrong type.
        ValueError: a value is invalid, or two values exclude each other.
    """

    model: str | Path | Model | None = option(
        'A folder with a checkpoint, a hub id such as "Qwen/Qwen3-8B", or a `Model`; the caller '
        "remains responsible for closing a `Model`. None: Qwen3-4B where there is a CUDA GPU, the "
        "bundled demo model elsewhere. With `base_url`: the model's name on that server; None "
        "takes the only one that it serves.",
        default=None,
        flag="--model",
        metavar="FOLDER|ID",
        help="The folder of a checkpoint, or its hub id, such as Qwen/Qwen3-4B. Default: "
        "Qwen/Qwen3-4B with a CUDA GPU, otherwise the bundled demo model.",
        key="model",
        key_type=str | None,
    )
    base_url: str | None = option(
        "The URL of an OpenAI-compatible server that runs the model, such as "
        '"http://localhost:8000/v1".',
        default=None,
        flag="--base-url",
        metavar="URL",
        help="URL of an OpenAI-compatible server, such as http://localhost:8000/v1. --model is "
        "then the model's name on that server. The API key is read from OPENAI_API_KEY.",
        key="base_url",
        key_type=str | None,
    )
    api_key: SecretStr | None = option(
        "The key for that server. None: the environment variable OPENAI_API_KEY.", default=None
    )
    engine: EngineName = option(
        'The engine of a model on this machine: "vllm" or "transformers". "auto" is vLLM where it '
        "is installed and there is a CUDA GPU, else Transformers.",
        default="auto",
        flag="--engine",
        help="The engine that runs the model. Default: vLLM if it is installed and there is a "
        "CUDA GPU, otherwise Transformers.",
        key="engine",
        key_type=EngineName,
    )
    engine_options: Mapping[str, Any] = option(
        "Settings of that engine, by vLLM's names: "
        '{"max_model_len": 65536, "tensor_parallel_size": 2}. See '
        "`engines.options.EngineOptions`.",
        default_factory=dict,
        flag="--engine-option",
        metavar="NAME=VALUE",
        help="A setting of the engine, by vLLM's name, such as max_model_len=65536 or "
        "quantization=awq. May be repeated.",
        key="engine_options",
        key_type=dict[str, Any],
    )
    hub: Hub = option(
        'The hub that resolves a model id: "huggingface" or "modelscope".',
        default="huggingface",
        flag="--hub",
        help="The hub that resolves a model id. Default: huggingface.",
        key="hub",
        key_type=Hub,
    )
    instructions: str | None = option(
        "The system message.", default=None, key="instructions", key_type=str | None
    )
    tools: tuple[Tool | ToolSource, ...] = option(
        "Functions (as by `@tool`), `Tool`s, tool sources such as `CodeInterpreter()` and "
        '`mcp_servers("mcp_servers.json")`, and `BaseTool`s of Qwen-Agent.',
        default=(),
    )
    thinking: Mode | Literal["adaptive"] | Policy | None = option(
        '"on", "off", "adaptive", the maximum number of tokens for each thought, or a policy such '
        "as `Thinking(first=2048, after_tool=512, total=8192)`. None: the model's own default.",
        default=None,
        flag="--think",
        metavar="auto|on|off|N",
        help="Whether to think before each step. auto: only at the start and after errors. N: "
        "at most N tokens per thought. Default: the model's own.",
        key="think",
    )
    limits: Limits = option("The limits of a turn.", default_factory=Limits)
    approvals: Approvals = option(
        "Which tool calls run at once, which wait for approval, and which are denied. None: "
        "`Approvals()`: your own functions, the code interpreter and read-only tools run; a call "
        "of an MCP tool that may change something is denied, since nobody can be asked. "
        '`Approvals(allow=["notes__*"])` allows it, `Approvals(approver=...)` asks.',
        default_factory=_no_approvals,
    )
    hooks: Hooks = option(
        "Functions that are called before and after steps and calls, and with the answer.",
        default_factory=_no_hooks,
    )
    sampling: Sampling | None = option(
        "Sampling parameters. None: Qwen's recommendation for the thinking mode.", default=None
    )
    keep_thoughts: bool = option(
        "Keep the thoughts of earlier turns in the prompt. They are dropped otherwise, as the "
        "model's chat template does.",
        default=False,
        key="keep_thoughts",
        key_type=bool,
    )
    logprobs: bool = option(
        "Keep the log-probability of each sampled token in the transcript.", default=False
    )
    constrain: bool = option(
        "Constrain tool calls to their grammar during sampling, where the engine can, so that "
        "none is malformed.",
        default=True,
    )
    tool_choice: ToolChoice = option(
        '"auto", "none", "required" (a turn begins with a call), or the name of the tool that a '
        "turn begins by calling.",
        default="auto",
    )
    output_type: Any = option(
        "The type of the answer: a pydantic model, or another type that pydantic can validate. "
        "An answer that is not of that type goes back to the model once. None or `str`: any text.",
        default=None,
    )
    journal: Runs | None = option(
        "Where each run is recorded as it happens, so that `qwen3-agent runs` can show it and it "
        "can be resumed: a folder, or True for the user's own, `~/.local/state/qwen3-agent/runs`. "
        "The code interpreter then works in the run's folder there, unless it has its own. None: "
        "runs are not recorded.",
        default=None,
    )
    answer: OutputType | None = field(init=False, repr=False, default=None)
    """`output_type`, ready to validate answers."""

    def __post_init__(self) -> None:
        _check_types(self)
        _check_model(self)
        from qwen3_tools.tool import Tool
        from qwen3_tools.toolbox import Toolbox

        from .loop.output import OutputType
        from .thinking import as_policy

        as_policy(self.thinking)
        Toolbox([each for each in self.tools if isinstance(each, Tool)])
        if self.output_type not in (None, str):
            object.__setattr__(self, "answer", OutputType(self.output_type))

    @property
    def system_message(self) -> str | None:
        """The instructions, with those for the type of the answer."""
        parts = [self.instructions, self.answer.instruction if self.answer else None]
        return "\n\n".join(part for part in parts if part) or None

    @property
    def names_model(self) -> bool:
        """Whether the model was chosen, rather than left to the default."""
        return self.model is not None or self.base_url is not None

    @property
    def given_model(self) -> Model | None:
        """The model if it was given as a `Model`, which needs no loading."""
        from .models.session import Model

        return self.model if isinstance(self.model, Model) else None

    @property
    def model_name(self) -> str | Path | None:
        """The folder, hub id or name on the server. None: a `Model`, or the default."""
        from .models.session import Model

        return None if isinstance(self.model, Model) else self.model

    def with_overrides(self, **changes: Any) -> AgentSpec:
        """Return the spec with those of the changes that are not None."""
        given = {name: value for name, value in changes.items() if value is not None}
        return replace(self, **given) if given else self

    @property
    def sources(self) -> tuple[ToolSource, ...]:
        """The tool sources among the tools."""
        from qwen3_tools.source import ToolSource

        return tuple(each for each in self.tools if isinstance(each, ToolSource))

    def secrets(self) -> list[str]:
        """Return the values that must never be recorded."""
        own = [self.api_key.get_secret_value()] if self.api_key else []
        return own + [secret for each in self.sources for secret in each.secrets()]


def _check_types(spec: AgentSpec) -> None:
    from pydantic import SecretStr

    from .approvals import Approvals
    from .hooks import Hooks
    from .sampling import Sampling

    expected: dict[str, tuple[tuple[type, ...], str]] = {
        "base_url": ((str,), 'a URL, such as "http://localhost:8000/v1"'),
        "api_key": ((SecretStr,), "a string"),
        "engine_options": ((Mapping,), 'a mapping, such as {"max_model_len": 65536}'),
        "instructions": ((str,), "a string"),
        "limits": ((Limits,), "Limits, such as Limits(steps=8)"),
        "approvals": ((Approvals,), 'Approvals, such as Approvals(allow=["notes__*"])'),
        "hooks": ((Hooks,), "Hooks, such as Hooks(on_answer=check)"),
        "sampling": ((Sampling,), "a Sampling, such as Sampling(temperature=0)"),
        "tool_choice": ((str,), '"auto", "none", "required" or the name of a tool'),
    }
    may_be_none = {"base_url", "api_key", "instructions", "sampling"}
    for name, (types, words) in expected.items():
        value = getattr(spec, name)
        if not (isinstance(value, types) or (value is None and name in may_be_none)):
            shown = f"of type {type(value).__name__}" if name == "api_key" else repr(value)
            raise TypeError(f"Agent: {name} must be {words}, not {shown}.")
    from .models.session import Model

    if not (spec.model is None or isinstance(spec.model, str | Path | Model)):
        raise TypeError(f"Agent: model must be a folder, a hub id or a Model, not {spec.model!r}.")


def _check_model(spec: AgentSpec) -> None:
    from .engines.options import EngineOptions

    for name, known in (("engine", get_args(EngineName)), ("hub", get_args(Hub))):
        if (given := getattr(spec, name)) not in known:
            *most, last = (f'"{each}"' for each in known)
            raise ValueError(f"{name} must be {', '.join(most)} or {last}, not {given!r}.")
    EngineOptions.of(spec.engine_options)
    if spec.base_url is None:
        return
    from .openai_http.client import ServerClient

    ServerClient(spec.base_url)
    if not (spec.model is None or isinstance(spec.model, str)):
        raise ValueError(
            f"With base_url, model must be its name on the server, not {spec.model!r}: for a "
            "folder with its tokenizer use "
            "qwen3_agent.models.chat_api.connect.connect(base_url, folder=...)."
        )
    if spec.engine != "auto" or spec.engine_options:
        raise ValueError(
            f"The engine at {spec.base_url} has its own settings: engine and engine_options "
            "cannot be set here."
        )


def as_tools(
    given: Iterable[Callable[..., Any] | Tool | ToolSource],
) -> tuple[Tool | ToolSource, ...]:
    """Convert the `tools` argument of an agent.

    Raises:
        ToolDefinitionError: an item is neither a tool nor a source, nor can become one.
        TypeError: the argument is not a list.
    """
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(f"Agent: tools must be a list, such as [{_shown(given)}].")
    return tuple(_as_tool(each) for each in given)


def _as_tool(given: Any) -> Tool | ToolSource:
    from qwen3_tools.qwen_agent_tools import from_qwen_agent, is_qwen_agent_tool
    from qwen3_tools.source import ToolSource
    from qwen3_tools.tool import Tool, tool

    from .errors import ToolDefinitionError

    if isinstance(given, type) and issubclass(given, ToolSource):
        raise ToolDefinitionError(f"{given.__name__} is a class: pass {given.__name__}().")
    if isinstance(given, Tool | ToolSource):
        return given
    if is_qwen_agent_tool(given):
        return from_qwen_agent(given)
    if callable(given):
        made: Tool = tool(given)
        return made
    raise ToolDefinitionError(
        f"{given!r} is not a tool: pass a function, a Tool, or a tool source such as "
        "CodeInterpreter()."
    )


def _shown(value: object) -> str:
    return getattr(value, "__name__", None) or f"{type(value).__name__}(...)"


def as_runs(journal: bool | str | Path | Runs | None) -> Runs | None:
    """Convert the `journal` argument of an agent.

    Raises:
        TypeError: it is neither a folder nor a bool.
    """
    from .journal import Runs

    if journal is None or isinstance(journal, bool):
        return Runs() if journal else None
    if not isinstance(journal, str | Path | Runs):
        raise TypeError(f"Agent: journal must be a folder, True or False, not {journal!r}.")
    return journal if isinstance(journal, Runs) else Runs(journal)
