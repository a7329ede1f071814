"""The chat format of a checkpoint: conversations as the token ids that the model was trained on.

The checkpoint's own template is the source of truth. It renders the head of a run. Text that is
appended later (tool results, a user's next turn, the opening of an assistant message) is cut out of
its rendering of a short conversation. The capabilities of a template are detected by rendering it
once when it is loaded; the name of the model is not used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..errors import ChatFormatError, ThinkingUnavailableError
from .masking import ControlTexts, Mask
from .template import ChatTemplate
from .tokenizer import Tokenizer

CallFormat = Literal["json", "xml"]
Message = Mapping[str, Any]

CLOSING_SENTENCE = (
    "\n\nConsidering the limited time by the user, I have to give the solution based on the "
    "thinking directly now.\n</think>\n\n"
)
"""Ends a thought that has used up its budget; from section 4.7 of Qwen3's technical report
(arXiv:2505.09388)."""

_OPENING = "<|im_start|>assistant\n"
_END = "<|im_end|>"
_EMPTY_THOUGHT = "<think>\n\n</think>\n\n"
_OPEN_THOUGHT = "<think>\n"


@dataclass(frozen=True, slots=True)
class _Family:
    """The capabilities of a template."""

    name: str
    call_format: CallFormat
    thinking_prompt: str | None
    """Opening of an assistant message with a thought; None: the model cannot think."""
    plain_prompt: str | None
    """Opening of one without a thought; None: the model always thinks."""
    thinks_by_default: bool


class ChatFormat:
    """A chat template and the tokenizer that belongs to it.

    Args:
        template: of the checkpoint.
        tokenizer: of the same checkpoint.

    Attributes:
        family: "qwen3", "qwen3-instruct-2507", "qwen3-thinking-2507", "qwen3-coder", "qwen3.5".
        call_format: how the model writes tool calls.
        can_think: whether it has a thinking mode.
        can_skip_thinking: whether it has a non-thinking mode.
        thinks_by_default: whether it thinks if the mode is not specified.
        opens_thought: whether the generation prompt opens the thought, so that the sampled text
            begins inside it.
        stop_ids: tokens that end the model's message.
        call_ids: tokens that begin a tool call.
        thought_end_ids: tokens that end a thought: its end tag, or a tool call.
        render: see `ChatTemplate.render`.
        encode, encode_plain, decode, decoder: see `Tokenizer`.

    Raises:
        ChatFormatError: the template's family is unknown, or the tokenizer does not fit.
    """

    def __init__(self, template: ChatTemplate, tokenizer: Tokenizer) -> None:
        self._template = template
        self._tokenizer = tokenizer
        self.render = template.render
        self.encode, self.encode_plain = tokenizer.encode, tokenizer.encode_plain
        self.decode, self.decoder = tokenizer.decode, tokenizer.decoder
        self._controls = ControlTexts(tokenizer.control_ids)
        family = _recognize(template)
        self._family = family
        self.family = family.name
        self.call_format: CallFormat = family.call_format
        self.can_think = family.thinking_prompt is not None
        self.can_skip_thinking = family.plain_prompt is not None
        self.thinks_by_default = family.thinks_by_default
        self.opens_thought = (family.thinking_prompt or "").endswith(_OPEN_THOUGHT)
        self.stop_ids = self._ids_of(_END, "<|endoftext|>")
        self.call_ids = self._ids_of("<tool_call>")
        self.thought_end_ids = self._ids_of("</think>") | self.call_ids
        self._end_id = self.control_id(_END)
        self.control_id("<|im_start|>")
        if _END not in self._appended([{"role": "tool", "content": "x"}])[0]:
            raise ChatFormatError(f"The chat template does not end a tool result with {_END}.")

    @classmethod
    def from_folder(cls, folder: Path) -> ChatFormat:
        """Read the chat format of a checkpoint in the layout of Transformers.

        Raises:
            ChatFormatError: the tokenizer or the template is missing or unknown.
        """
        path = folder / "tokenizer.json"
        if not path.is_file():
            raise ChatFormatError(f"{folder} has no tokenizer: looked for tokenizer.json.")
        template = ChatTemplate.from_folder(folder)
        try:
            tokenizer = Tokenizer.from_file(path)
        except ValueError as error:
            raise ChatFormatError(f"{path} is not a tokenizer: {error}") from error
        return cls(template, tokenizer)

    def head(
        self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]] = ()
    ) -> list[int]:
        """Encode a whole conversation up to the start of the assistant's next message.

        Strings in messages and tools never become control tokens.

        Raises:
            ChatFormatError: the template cannot render these messages.
        """
        rendered, mask = self._render_masked(messages, tools)
        return self._encode_masked(rendered, mask)

    def generation_prompt(self, *, thinking: bool) -> list[int]:
        """Encode the opening of an assistant message.

        Raises:
            ThinkingUnavailableError: the model does not have this mode.
        """
        prompt = self._family.thinking_prompt if thinking else self._family.plain_prompt
        if prompt is None:
            raise ThinkingUnavailableError(
                "This model cannot think: use a hybrid Qwen3 model or a Thinking model."
                if thinking
                else "This model always thinks: use a hybrid Qwen3 model or an Instruct model."
            )
        return self._tokenizer.encode(prompt)

    def between_messages(self) -> list[int]:
        """Encode the text between the end of a message and the start of the next."""
        return self._tokenizer.encode("\n")

    def tool_results(self, texts: Sequence[str]) -> list[int]:
        """Encode one turn with all tool results, to follow the end of an assistant message."""
        return self._encode_masked(
            *self._appended([{"role": "tool", "content": text} for text in texts])
        )

    def user_turn(self, text: str) -> list[int]:
        """Encode the user's next turn, to follow the end of an assistant message."""
        return self._encode_masked(*self._appended([{"role": "user", "content": text}]))

    def close_step(self) -> list[int]:
        """Return the ids that end an assistant message that was cut off."""
        return [self._end_id]

    def close_thought(self) -> list[int]:
        """Encode Qwen3's closing sentence and the end tag, which end a thought early."""
        return self._tokenizer.encode(CLOSING_SENTENCE)

    def control_id(self, text: str) -> int:
        """Return the id of a control token.

        Raises:
            ChatFormatError: the tokenizer does not have this token.
        """
        if text not in self._tokenizer.control_ids:
            raise ChatFormatError(f"The tokenizer has no {text} token, so it is not Qwen3's.")
        return self._tokenizer.control_ids[text]

    def _appended(self, messages: Sequence[Message]) -> tuple[str, Mask]:
        """Render `messages` as they follow the `<|im_end|>` of an assistant message."""
        mask = Mask(self._controls)
        said = f"said{mask.nonce}"
        conversation = [
            {"role": "user", "content": "asked"},
            {"role": "assistant", "content": said},
            *mask.hide(list(messages)),
        ]
        rendered = self._template.render(conversation, thinking=None, generation_prompt=False)
        _, found, rest = rendered.partition(said + _END)
        if not found:
            raise ChatFormatError(f"The chat template does not end what was said with {_END}.")
        return rest, mask

    def _render_masked(
        self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]
    ) -> tuple[str, Mask]:
        """Render the conversation with control text in messages and tools hidden.

        Hiding must not change the template's decisions, so the markers that it looks for stay
        visible (`_show_structure`). If the result still differs, everything is hidden.
        """
        mask = Mask(self._controls)
        hidden_tools = mask.hide(list(tools))
        hidden = mask.hide(list(messages))
        if not mask.used:
            return self._render(messages, tools), mask
        shown = [_show_structure(message, mask) for message in messages]
        rendered = mask.settle(self._render(shown, hidden_tools))
        if mask.reveal(rendered) != self._render(messages, tools):
            rendered = self._render(hidden, hidden_tools)
        return rendered, mask

    def _render(self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]) -> str:
        return self._template.render(messages, tools, thinking=None, generation_prompt=False)

    def _encode_masked(self, rendered: str, mask: Mask) -> list[int]:
        """Encode rendered text: its control tokens, and everything else as plain text."""
        ids: list[int] = []
        for text, control in self._tokenizer.split(rendered):
            ids += self.encode_plain(mask.reveal(text)) if control is None else [control]
        return ids

    def _ids_of(self, *texts: str) -> frozenset[int]:
        ids = self._tokenizer.control_ids
        return frozenset(ids[text] for text in texts if text in ids)


def _show_structure(message: Message, mask: Mask) -> Message:
    """Hide the control text of a message, except where Qwen's templates look for it.

    They treat a user message that consists of one `<tool_response>` as a tool's, and split an
    assistant message into thought and answer at `</think>`.
    """
    content = message.get("content")
    hidden: dict[str, Any] = mask.hide(message)
    if not isinstance(content, str):
        return hidden
    opening, closing = "<tool_response>", "</tool_response>"
    if message.get("role") == "user":
        content = content.strip()
        if content.startswith(opening) and content.endswith(closing):
            hidden["content"] = mask.hide_within(content, opening, closing)
    elif (
        message.get("role") == "assistant"
        and "</think>" in content
        and not isinstance(message.get("reasoning_content"), str)
    ):
        thought = content.split("</think>")[0].rstrip("\n").split("<think>")[-1].lstrip("\n")
        hidden["reasoning_content"] = mask.hide(thought)
        hidden["content"] = mask.hide(content.split("</think>")[-1].lstrip("\n"))
    return hidden


def _recognize(template: ChatTemplate) -> _Family:
    """Detect the capabilities of a template by rendering a short conversation with it."""
    asked = {"role": "user", "content": "asked"}
    call = {"name": "look", "arguments": {"where": "there"}}
    calls = {"role": "assistant", "content": "", "tool_calls": [{"function": call}]}
    answered = {"role": "tool", "content": "found"}
    try:
        text = template.render([asked, calls, answered], thinking=None, generation_prompt=False)
    except ChatFormatError as error:
        raise _unknown(f"it cannot render a tool call and its result ({error})") from error
    call_format: CallFormat
    if '<tool_call>\n{"name": "look", "arguments": {"where": "there"}}\n</tool_call>' in text:
        call_format = "json"
    elif "<tool_call>\n<function=look>\n<parameter=where>\nthere\n</parameter>" in text:
        call_format = "xml"
    else:
        raise _unknown("it writes <tool_call> neither with JSON nor with <function=name>")
    if "<|im_start|>user\n<tool_response>\nfound\n</tool_response>" not in text:
        raise _unknown("it does not put tool results between <tool_response> and </tool_response>")

    def prompt(thinking: bool | None) -> str:
        before = template.render([asked], thinking=thinking, generation_prompt=False)
        after = template.render([asked], thinking=thinking, generation_prompt=True)
        if not after.startswith(before):
            raise _unknown("its generation prompt changes the conversation before it")
        return after[len(before) :]

    names = {
        ("json", "", _EMPTY_THOUGHT): "qwen3",
        ("json", "", ""): "qwen3-instruct-2507",
        ("json", _OPEN_THOUGHT, _OPEN_THOUGHT): "qwen3-thinking-2507",
        ("xml", "", ""): "qwen3-coder",
        ("xml", _OPEN_THOUGHT, _EMPTY_THOUGHT): "qwen3.5",
    }
    on, off = prompt(thinking=True), prompt(thinking=False)
    name = names.get((call_format, on.removeprefix(_OPENING), off.removeprefix(_OPENING)))
    if name is None:
        raise _unknown(f"its generation prompts are {on!r} and, without thinking, {off!r}")
    same = on == off
    opens = on.endswith(_OPEN_THOUGHT)
    return _Family(
        name,
        call_format,
        thinking_prompt=on if opens or not same else None,
        plain_prompt=off if not (same and opens) else None,
        thinks_by_default=prompt(thinking=None) == on and (opens or not same),
    )


def _unknown(why: str) -> ChatFormatError:
    return ChatFormatError(
        f"The chat template is not one of Qwen3's (hybrid, 2507 Instruct or Thinking, Coder) or "
        f"Qwen3.5's: {why}."
    )
