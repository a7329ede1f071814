"""The settings of one MCP server in a config file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import pydantic
from pydantic import Field
from pydantic.alias_generators import to_camel

_MILLISECONDS_FROM = 1_000
_STREAMABLE = frozenset({"http", "streamablehttp"})
_Text = Annotated[str, pydantic.WithJsonSchema({"type": ["string", "number"]})]
"""Other programs take a number for it, and so do we."""
_Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class OAuthConfig(pydantic.BaseModel):
    """How to sign in to a server. All of it can be left out: most servers say what they need."""

    model_config = pydantic.ConfigDict(alias_generator=to_camel, extra="allow", frozen=True)

    enabled: bool = Field(True, description="False: never sign in.")
    client_id: str | None = Field(None, description="Of a client that is registered already.")
    client_secret: str | None = Field(None, description="Its secret, where it has one.")
    client_metadata_url: str | None = Field(
        None, description="An https address that serves as client id and describes the client."
    )
    scopes: list[str] | None = Field(None, description="What to ask for; told by the server.")
    callback_port: int | None = Field(
        None, gt=0, lt=65536, description="Port of this machine that the browser comes back to."
    )
    grant_type: Literal["authorization_code", "client_credentials"] = Field(
        "authorization_code", description="client_credentials: no person signs in."
    )
    private_key_file: str | None = Field(
        None, description="PEM file that signs in instead of a secret, for client_credentials."
    )
    signing_algorithm: str = Field("ES256", description="Of the private key, such as RS256.")
    issuer: str | None = Field(None, description="The only authorization server to be trusted.")


class ServerConfig(pydantic.BaseModel):
    """One server of the file."""

    model_config = pydantic.ConfigDict(
        alias_generator=to_camel, extra="allow", frozen=True, coerce_numbers_to_str=True
    )

    command: str | None = Field(None, min_length=1, description="Program to start.")
    args: list[_Text] = Field([], description="Its arguments.")
    env: dict[str, _Text] = Field({}, description="Variables set for it.")
    env_file: str | None = Field(None, description="File of NAME=value lines set for it.")
    cwd: str | None = Field(None, description="Folder it runs in, seen from this file's.")
    inherit_env: Literal["safe", "all", "none"] = Field(
        "safe", description="Variables it gets of ours; safe: no credentials."
    )
    url: str | None = Field(None, description="Address of a server reached over HTTP.")
    http_url: str | None = Field(None, description="The same, streamable HTTP only.")
    headers: dict[str, _Text] = Field({}, description="HTTP headers of each request.")
    type: Literal["stdio", "http", "streamable-http", "streamableHttp", "sse"] | None = Field(
        None, description="How it is reached; told from command and url if not given."
    )
    transport: Literal["stdio", "http", "streamable-http", "streamableHttp", "sse"] | None = Field(
        None, description="The same as type."
    )
    disabled: bool = Field(False, description="True: left out.")
    required: bool = Field(False, description="True: an error if it does not start.")
    start_timeout: _Seconds = Field(30, description="Seconds until it must be ready.")
    call_timeout: _Seconds | None = Field(None, description="Seconds that a call may take; 60.")
    timeout: _Seconds | None = Field(
        None, description="Other programs' callTimeout; from 1000 on it means milliseconds."
    )
    restart: bool = Field(True, description="Whether it is started again when it dies.")
    include_tools: list[str] | None = Field(None, description="Only these of its tools.")
    exclude_tools: list[str] = Field([], description="All of its tools but these.")
    tool_prefix: str | None = Field(
        None, description="What its tools' names begin with; the server's name and __."
    )
    max_result_chars: int = Field(
        20_000, gt=0, description="Longest text of a result; a longer one is cut in the middle."
    )
    auto_approve: list[str] | bool = Field([], description="Tools run without asking.")
    always_allow: list[str] | bool = Field([], description="Tools run without asking.")
    trust: bool = Field(False, description="True: no tool of it asks.")
    oauth: OAuthConfig | bool | None = Field(
        None, description="How to sign in; false: never. By default when the server asks for it."
    )
    roots: list[str] = Field([], description="Folders it is told to work in, from this file's.")
    resources_as_tools: bool = Field(False, description="Its resources as tools of the model.")
    prompts_as_tools: bool = Field(False, description="Its prompts as tools of the model.")
    description: str | None = Field(None, description="For the reader.")

    @pydantic.model_validator(mode="after")
    def _reachable(self) -> ServerConfig:
        if bool(self.command) == bool(self.address):
            raise ValueError(
                "give either command or url, not both"
                if self.command
                else "give command (a program to start) or url (a server to reach)"
            )
        stated = self.type or self.transport
        if stated and (stated == "stdio") != bool(self.command):
            needed = "a command (a program to start)" if stated == "stdio" else "a url, no command"
            raise ValueError(f"type {stated} needs {needed}")
        return self

    def seen_from(self, folder: Path) -> ServerConfig:
        """The same with absolute paths, the relative ones seen from `folder`."""

        def seen(stated: str | None) -> str | None:
            return None if stated is None else str(folder / os.path.expanduser(stated))

        oauth = self.oauth
        if isinstance(oauth, OAuthConfig):
            oauth = oauth.model_copy(update={"private_key_file": seen(oauth.private_key_file)})
        return self.model_copy(
            update={
                "cwd": seen(self.cwd),
                "env_file": seen(self.env_file),
                "roots": [seen(root) for root in self.roots],
                "oauth": oauth,
            }
        )

    @property
    def address(self) -> str | None:
        """The URL of a server reached over HTTP."""
        return self.http_url or self.url

    @property
    def http_kind(self) -> Literal["http", "sse", "either"]:
        """How `address` is spoken to. A bare URL is tried as streamable HTTP, then as SSE."""
        stated = self.type or self.transport
        if self.http_url or (stated and stated.lower().replace("-", "") in _STREAMABLE):
            return "http"
        return "sse" if stated == "sse" else "either"

    @property
    def call_seconds(self) -> float:
        """The bound on one call."""
        if self.call_timeout is not None:
            return self.call_timeout
        if self.timeout is None:
            return 60
        # Gemini and Qwen Code count milliseconds, Cline and others seconds.
        return self.timeout / 1000 if self.timeout >= _MILLISECONDS_FROM else self.timeout

    def offers(self, tool: str) -> bool:
        """Whether a tool of this name passes includeTools and excludeTools."""
        if self.include_tools is not None and tool not in _names(self.include_tools):
            return False
        return tool not in _names(self.exclude_tools)

    def included(self) -> set[str]:
        """The tools that includeTools names and excludeTools does not."""
        return _names(self.include_tools or ()) - _names(self.exclude_tools)

    def approves(self, tool: str) -> bool:
        """Whether the user has said that a tool of this name may run unasked."""
        return self.trust or any(
            listed if isinstance(listed, bool) else tool in _names(listed) or "*" in listed
            for listed in (self.auto_approve, self.always_allow)
        )


def _names(entries: Sequence[str]) -> set[str]:
    # Gemini's entries may state arguments: `run(ls)`.
    return {entry.split("(")[0] for entry in entries}
