"""OAuth 2.1 sign-in to a server over HTTP, with tokens that are stored for later.

The SDK implements the protocol. This module stores tokens, receives the browser's redirect, asks
the user, and lets requests run concurrently (the SDK, 2.3, sends one at a time).
https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization
"""

from __future__ import annotations

import hashlib
import html
import json
import os
import socket
import tempfile
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx2
import pydantic
from anyio.abc import SocketStream
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider, OAuthFlowError
from mcp.client.auth.extensions.client_credentials import (
    ClientCredentialsOAuthProvider,
    PrivateKeyJWTOAuthProvider,
    SignedJWTParameters,
)
from mcp.shared.auth import (
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthMetadata,
    OAuthToken,
    ProtectedResourceMetadata,
)

from ...state import state_folder
from ..client_requests import ClientRequests
from ..config.server_config import OAuthConfig, ServerConfig

_SIGN_IN_SECONDS = 300.0
_MOST_REQUEST_BYTES = 16_384
_CALLBACK_PATH = "/callback"
_EARLY_SECONDS = 30  # treat a token as expired this long before it is
NEEDS_SIGN_IN = "it requires you to sign in: run `qwen3-agent mcp check` in a terminal"


def sign_in(config: ServerConfig, client_requests: ClientRequests) -> SignIn | None:
    """Return the sign-in for a server; None if the config disables it.

    An Authorization header in the config disables it, unless there are OAuth settings as well.

    Raises:
        ValueError: The settings are incomplete or invalid.
    """
    given = config.oauth
    has_header = any(name.lower() == "authorization" for name in config.headers)
    if given is False or (given is None and has_header):
        return None
    settings = given if isinstance(given, OAuthConfig) else OAuthConfig.model_validate({})
    if not settings.enabled:
        return None
    address = config.address or ""
    kept = KeptTokens(address, settings)
    return SignIn(_provider(address, settings, kept, client_requests), kept)


class SignIn(httpx2.Auth):
    """Adds the token to each request, and obtains one when the server requires it."""

    def __init__(self, provider: OAuthClientProvider, kept: KeptTokens) -> None:
        self._provider = provider
        self._kept = kept
        kept.context = provider.context
        self._loaded = False

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """Send one request, and whatever is necessary to authorize it."""
        context = self._provider.context
        if not self._loaded:
            self._loaded = True
            self._kept.restore()
            context.current_tokens = await self._kept.get_tokens()
        # The SDK's flow sends one request at a time, so it is entered only if necessary.
        if context.is_token_valid() or context.current_tokens is None:
            if context.current_tokens is not None:
                bearer = context.current_tokens.access_token
                request.headers["Authorization"] = f"Bearer {bearer}"
            response = yield request
            if not _is_unauthorized(response):
                return
        flow = self._provider.async_auth_flow(request)
        try:
            outgoing = await anext(flow)
            while True:
                response = yield outgoing
                outgoing = await flow.asend(response)
        except StopAsyncIteration:
            return
        finally:
            await flow.aclose()


def _is_unauthorized(response: httpx2.Response) -> bool:
    challenge = response.headers.get("WWW-Authenticate", "")
    return response.status_code == 401 or (
        response.status_code == 403 and "insufficient_scope" in challenge
    )


class KeptTokens:
    """Stores the tokens for one address, in a file that only this user can read."""

    def __init__(self, address: str, settings: OAuthConfig) -> None:
        digest = hashlib.sha256(address.encode()).hexdigest()[:16]
        self.path = state_folder() / "mcp-tokens" / f"{digest}.json"
        self.context: Any = None
        """The SDK's state of the flow."""
        self._address = address
        self._settings = settings
        self._port: int | None = None

    async def get_tokens(self) -> OAuthToken | None:
        tokens = self._read().get("tokens")
        return OAuthToken.model_validate(tokens) if tokens else None

    async def set_tokens(self, tokens: OAuthToken) -> None:
        lasts = tokens.expires_in
        self._write(
            tokens=_plain(tokens),
            expires_at=None if lasts is None else time.time() + lasts - _EARLY_SECONDS,
            server=_plain(self.context.oauth_metadata),
            resource=_plain(self.context.protected_resource_metadata),
        )

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        settings = self._settings
        if settings.client_id is None:
            client = self._read().get("client")
            return OAuthClientInformationFull.model_validate(client) if client else None
        return OAuthClientInformationFull(
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            redirect_uris=[pydantic.AnyUrl(self.redirect_uri())],
            token_endpoint_auth_method=(
                "client_secret_basic" if settings.client_secret else "none"
            ),
            issuer=settings.issuer,
        )

    async def set_client_info(self, client: OAuthClientInformationFull) -> None:
        self._write(client=_plain(client))

    def restore(self) -> None:
        """Restore the expiry and endpoints of the token, which the SDK does not store."""
        kept = self._read()
        self.context.token_expiry_time = kept.get("expires_at")
        if kept.get("server"):
            self.context.oauth_metadata = OAuthMetadata.model_validate(kept["server"])
        if kept.get("resource"):
            resource = ProtectedResourceMetadata.model_validate(kept["resource"])
            self.context.protected_resource_metadata = resource

    def redirect_uri(self) -> str:
        """The redirect address. It is always the same, because servers remember it."""
        self._port = self._port or self._settings.callback_port or self._read().get("port")
        if self._port is None:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self._port = free.getsockname()[1]
        return f"http://127.0.0.1:{self._port}{_CALLBACK_PATH}"

    def _read(self) -> dict[str, Any]:
        try:
            kept = json.loads(self.path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return kept if isinstance(kept, dict) and kept.get("address") == self._address else {}

    def _write(self, **changed: Any) -> None:
        kept = self._read() | {"port": self._port} | changed | {"address": self._address}
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Files of mkstemp are readable only by their owner.
        descriptor, name = tempfile.mkstemp(dir=self.path.parent)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(kept, file)
        os.replace(name, self.path)


def _plain(model: pydantic.BaseModel | None) -> Any:
    return model.model_dump(mode="json", exclude_none=True) if model is not None else None


def _provider(
    address: str, settings: OAuthConfig, kept: KeptTokens, client_requests: ClientRequests
) -> OAuthClientProvider:
    scope = " ".join(settings.scopes) if settings.scopes else None
    if settings.grant_type == "client_credentials":
        return _for_a_machine(address, settings, kept, scope)
    browser = _Browser(kept, client_requests)
    metadata = OAuthClientMetadata(
        client_name="qwen3-agent",
        redirect_uris=[pydantic.AnyUrl(kept.redirect_uri())],
        grant_types=["authorization_code", "refresh_token"],
        scope=scope,
    )
    return OAuthClientProvider(
        address,
        metadata,
        kept,
        redirect_handler=browser.remember,
        callback_handler=browser.go,
        client_metadata_url=settings.client_metadata_url,
    )


def _for_a_machine(
    address: str, settings: OAuthConfig, kept: KeptTokens, scope: str | None
) -> OAuthClientProvider:
    client_id, secret, key_file = (
        settings.client_id,
        settings.client_secret,
        settings.private_key_file,
    )
    if not client_id or not settings.issuer or not (secret or key_file):
        raise ValueError(
            "its oauth.grantType client_credentials needs clientId, issuer, and clientSecret "
            "or privateKeyFile"
        )
    if secret:
        return ClientCredentialsOAuthProvider(
            address, kept, client_id, secret, scope=scope, issuer=settings.issuer
        )
    try:
        key = Path(str(key_file)).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise ValueError(f"its oauth.privateKeyFile {key_file} cannot be read") from None
    signed = SignedJWTParameters(
        issuer=client_id,
        subject=client_id,
        signing_key=key,
        signing_algorithm=settings.signing_algorithm,
    )
    return PrivateKeyJWTOAuthProvider(
        address,
        kept,
        client_id,
        signed.create_assertion_provider(),
        scope=scope,
        issuer=settings.issuer,
    )


class _Browser:
    """Sends the user to the sign-in page and receives the redirect of the browser."""

    def __init__(self, kept: KeptTokens, client_requests: ClientRequests) -> None:
        self._kept = kept
        self._client_requests = client_requests
        self._page = ""

    async def remember(self, page: str) -> None:
        self._page = page

    async def go(self) -> AuthorizationCodeResult:
        """Wait for the authorization code.

        Raises:
            OAuthFlowError: The user declined, did not finish, or was refused.
        """
        port = urlsplit(self._kept.redirect_uri()).port or 0
        try:
            listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=port)
        except OSError as error:
            raise OAuthFlowError(
                f"local port {port}, required for the redirect of the browser, is not available: "
                f"{error.strerror}"
            ) from None
        received: list[dict[str, str]] = []
        # The timeout of the start is paused until the browser has returned.
        with self._client_requests.timeouts.paused():
            async with listener, anyio.create_task_group() as tasks:

                async def answer(stream: SocketStream) -> None:
                    async with stream:
                        query = await _query_of(stream)
                        await stream.send(_page_for(query))
                    if query is not None:
                        received.append(query)
                        tasks.cancel_scope.cancel()

                tasks.start_soon(listener.serve, answer)
                opened = await self._client_requests.open_page(
                    "It requires you to sign in.", self._page
                )
                if opened:
                    with anyio.move_on_after(_SIGN_IN_SECONDS):
                        await anyio.sleep_forever()
                tasks.cancel_scope.cancel()
        if not received:
            raise OAuthFlowError(
                "the sign-in was not completed in time" if opened else NEEDS_SIGN_IN
            )
        query = received[0]
        if "code" not in query:
            why = query.get("error_description") or query.get("error") or "no reason was given"
            raise OAuthFlowError(f"the sign-in was refused: {why}")
        return AuthorizationCodeResult(
            code=query["code"], state=query.get("state"), iss=query.get("iss")
        )


async def _query_of(stream: SocketStream) -> dict[str, str] | None:
    """Read the redirect's query; None for other requests, such as for an icon."""
    data = b""
    try:
        while b"\r\n\r\n" not in data and len(data) < _MOST_REQUEST_BYTES:
            data += await stream.receive()
    except anyio.EndOfStream:
        return None
    target = data.split(b" ", 2)[1].decode("ascii", "replace") if b" " in data else ""
    parts = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return query if parts.path == _CALLBACK_PATH and {"code", "error"} & set(query) else None


def _page_for(query: dict[str, str] | None) -> bytes:
    if query is None:
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    what = "You are signed in" if "code" in query else "The sign-in was refused"
    body = f"<!doctype html><meta charset=utf-8><p>{html.escape(what)}. You can close this page."
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
