"""Every error: its name, what a program can read from it, and its way through a process pool."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import pytest

import qwen3_agent
import qwen3_tools.errors
from qwen3_agent import errors
from qwen3_agent.limits import Stop
from qwen3_agent.openai_http.errors import ServerErrors
from qwen3_agent.result import RunResult
from qwen3_agent.transcript import Transcript

RESULT = RunResult("so far", (), Transcript(), 1.5, "tiny", run_id="r1")
STOP = Stop("seconds", 30.0, waited_for=("fetch",))

CLASSES = [getattr(errors, name) for name in errors.__all__]
MADE = {
    errors.LimitExceededError: errors.LimitExceededError(STOP, RESULT),
    errors.InvalidAnswerError: errors.InvalidAnswerError("it is not JSON", RESULT),
    errors.PromptTooLongError: errors.PromptTooLongError(5000, 4096),
    errors.ModelNotFoundError: errors.ModelNotFoundError("No.", model="m", available=["a", "b"]),
    **{
        each: each("No.", status_code=429, retry_after=7.0)
        for each in CLASSES
        if issubclass(each, errors.EngineError)
    },
}


def made(kind: type[Exception]) -> Exception:
    return MADE.get(kind) or kind("What happened.")


@pytest.mark.parametrize("kind", CLASSES)
def test_error__name_ends_in_error(kind: type[Exception]) -> None:
    assert kind.__name__.endswith("Error")
    assert f"── {kind.__name__} " in (inspect.getdoc(errors) or "") or kind in (
        errors.Qwen3AgentError,
        errors.ToolError,
    )


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", CLASSES)
def test_error__pickles_with_all_that_it_holds(kind: type[Exception], protocol: int) -> None:
    before = made(kind)
    before.add_note("a note")
    after = pickle.loads(pickle.dumps(before, protocol))
    assert type(after) is kind
    assert str(after) == str(before)
    assert repr(after.__dict__) == repr(before.__dict__)


def test_error_of_a_user__pickles_whatever_its_constructor_takes() -> None:
    after = pickle.loads(pickle.dumps(QuotaError(user=3, quota=10)))
    assert (str(after), after.quota) == ("User 3 is over 10.", 10)


class QuotaError(errors.Qwen3AgentError):
    def __init__(self, *, user: int, quota: int) -> None:
        self.quota = quota
        super().__init__(f"User {user} is over {quota}.")


def test_limit_exceeded__says_which_limit_and_how_much() -> None:
    error = errors.LimitExceededError(STOP, RESULT)
    assert (error.limit, error.allowed, error.stop) == ("seconds", 30.0, STOP)
    assert error.result.output == "so far"


def test_server_error__has_its_status_and_pause() -> None:
    server = ServerErrors("http://x/v1", key="")
    too_many = server.of_status(429, {"message": "slow down"}, "/chat/completions", 12.0)
    assert isinstance(too_many, errors.EngineError)
    assert (too_many.status_code, too_many.retry_after) == (429, 12.0)
    refused = server.of_status(401, {}, "/chat/completions")
    assert isinstance(refused, errors.AuthenticationError)
    assert refused.status_code == 401


def test_prompt_too_long__without_numbers_has_none() -> None:
    error = errors.PromptTooLongError(server_message="too much")
    assert (error.prompt_tokens, error.context_length) == (None, None)
    assert str(error).endswith(": too much")


@pytest.mark.parametrize("module", [errors, qwen3_tools.errors])
def test_old_name__error_names_the_new_one(module: Any) -> None:
    for old, new in module.RENAMED.items():
        with pytest.raises(ImportError, match=f"{old} was renamed: use {new}"):
            getattr(module, old)
        assert hasattr(module, new)


def test_old_name__import_error_names_the_new_one() -> None:
    for module, old, new in (
        ("qwen3_agent", "LimitReached", "LimitExceededError"),
        ("qwen3_agent.errors", "NotAuthorised", "AuthenticationError"),
    ):
        with pytest.raises(ImportError, match=new):
            exec(f"from {module} import {old}")


def test_unknown_name__is_an_ordinary_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nope'"):
        qwen3_agent.nope  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'nope'"):
        exec("from qwen3_agent.errors import nope")
