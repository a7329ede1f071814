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
"""Numbers are accepted too, as by other programs."""
_Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class OAuthConfig(pydantic.BaseModel):
    """How to sign in to a server. All of it is optional: most servers announce what is needed."""

    model_config = pydantic.ConfigDict(alias_generator=to_camel, extra="allow", frozen=True)

    enabled: bool = Field(True, description="False: never sign in.")
    client_id: str | None = Field(None, description="ID of a registered client.")
    client_secret: str | None = Field(None, description="Secret of the registered client, if any.")
    client_metadata_url: str | None = Field(
        None, description="HTTPS URL of a client metadata document, used as client ID."
    )
    scopes: list[str] | None = Field(
        None, description="Scopes to request; by default those that the server announces."
    )
    callback_port: int | None = Field(
        None, gt=0, lt=65536, description="Local port for the redirect of the browser."
    )
    grant_type: Literal["authorization_code", "client_credentials"] = Field(
        "authorization_code", description="client_credentials: sign in without a user."
    )
    private_key_file: str | None = Field(
        None, description="PEM file to use instead of a secret, for client_credentials."
    )
    signing_algorithm: str = Field(
        "ES256", description="Algorithm of the private key, such as RS256."
    )
    issuer: str | None = Field(None, description="The only authorization server to trust.")


class ServerConfig(pydantic.BaseModel):
    """The settings of one server."""

    model_config = pydantic.ConfigDict(
        alias_generator=to_camel, extra="allow", frozen=True, coerce_numbers_to_str=True
    )

    command: str | None = Field(None, min_length=1, description="Program to start.")
    args: list[_Text] = Field([], description="Its arguments.")
    env: dict[str, _Text] = Field({}, description="Environment variables.")
    env_file: str | None = Field(
        None, description="File with NAME=value lines of further environment variables."
    )
    cwd: str | None = Field(None, description="Working directory, relative to this file.")
    inherit_env: Literal["safe", "all", "none"] = Field(
        "safe", description="Variables to inherit from qwen3-agent; safe: no credentials."
    )
    url: str | None = Field(None, description="URL of a server reached over HTTP.")
    http_url: str | None = Field(None, description="The same, for streamable HTTP only.")
    headers: dict[str, _Text] = Field({}, description="HTTP headers of each request.")
    type: Literal["stdio", "http", "streamable-http", "streamableHttp", "sse"] | None = Field(
        None, description="Transport; by default derived from command and url."
    )
    transport: Literal["stdio", "http", "streamable-http", "streamableHttp", "sse"] | None = Field(
        None, description="The same as type."
    )
    disabled: bool = Field(False, description="True: do not start it.")
    required: bool = Field(False, description="True: fail if it does not start.")
    start_timeout: _Seconds = Field(30, description="Seconds until it must be ready.")
    call_timeout: _Seconds | None = Field(None, description="Seconds that a call may take; 60.")
    timeout: _Seconds | None = Field(
        None, description="callTimeout in other programs; values from 1000 are milliseconds."
    )
    restart: bool = Field(True, description="Restart it when it dies.")
    include_tools: list[str] | None = Field(None, description="Offer only these tools.")
    exclude_tools: list[str] = Field([], description="Do not offer these tools.")
    tool_prefix: str | None = Field(
        None, description="Prefix of tool names; by default the server's name and __."
    )
    max_result_chars: int = Field(
        20_000, gt=0, description="Maximum length of a result; longer ones are cut in the middle."
    )
    auto_approve: list[str] | bool = Field([], description="Tools run without asking.")
    always_allow: list[str] | bool = Field([], description="Tools run without asking.")
    trust: bool = Field(False, description="True: run all of its tools without asking.")
    oauth: OAuthConfig | bool | None = Field(
        None,
        description="How to sign in, or false for never. Default: when the server requires it.",
    )
    roots: list[str] = Field(
        [], description="Folders to report to the server, relative to this file."
    )
    resources_as_tools: bool = Field(False, description="Offer its resources as tools.")
    prompts_as_tools: bool = Field(False, description="Offer its prompts as tools.")
    description: str | None = Field(None, description="A note for readers of the file.")

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
        """Return a copy whose paths are absolute, resolved against `folder`."""

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
        """The HTTP transport. A plain URL is tried as streamable HTTP, then as SSE."""
        stated = self.type or self.transport
        if self.http_url or (stated and stated.lower().replace("-", "") in _STREAMABLE):
            return "http"
        return "sse" if stated == "sse" else "either"

    @property
    def call_seconds(self) -> float:
        """The timeout of one call."""
        if self.call_timeout is not None:
            return self.call_timeout
        if self.timeout is None:
            return 60
        # Gemini and Qwen Code use milliseconds, Cline and others seconds.
        return self.timeout / 1000 if self.timeout >= _MILLISECONDS_FROM else self.timeout

    def offers(self, tool: str) -> bool:
        """Return True if a tool passes includeTools and excludeTools."""
        if self.include_tools is not None and tool not in _names(self.include_tools):
            return False
        return tool not in _names(self.exclude_tools)

    def included(self) -> set[str]:
        """The tools in includeTools that are not in excludeTools."""
        return _names(self.include_tools or ()) - _names(self.exclude_tools)

    def approves(self, tool: str) -> bool:
        """Return True if the user allows a tool to run without asking."""
        return self.trust or any(
            listed if isinstance(listed, bool) else tool in _names(listed) or "*" in listed
            for listed in (self.auto_approve, self.always_allow)
        )


def _names(entries: Sequence[str]) -> set[str]:
    # Gemini's entries may have arguments: `run(ls)`.
    return {entry.split("(")[0] for entry in entries}
