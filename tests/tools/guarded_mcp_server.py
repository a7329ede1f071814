"""An MCP server behind OAuth: `python guarded_mcp_server.py PORT SECONDS LOG`.

It is its own authorization server, which asks nobody and lets everyone in. Tokens last for so many
seconds. What clients do at the authorization server is written to LOG, a word a line.
"""

from __future__ import annotations

import secrets
import sys
import time
from pathlib import Path

from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationCode,
    AuthorizationParams,
    OAuthAuthorizationServerProvider,
    RefreshToken,
    construct_redirect_uri,
)
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken

PORT, SECONDS, LOG = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
BASE = f"http://127.0.0.1:{PORT}"


def note(word: str) -> None:
    with LOG.open("a") as log:
        log.write(f"{word}\n")


class Doorkeeper(OAuthAuthorizationServerProvider[AuthorizationCode, RefreshToken, AccessToken]):
    def __init__(self) -> None:
        self.clients: dict[str, OAuthClientInformationFull] = {}
        self.codes: dict[str, AuthorizationCode] = {}
        self.tokens: dict[str, AccessToken] = {}
        self.refreshes: dict[str, RefreshToken] = {}

    async def get_client(self, client_id: str) -> OAuthClientInformationFull | None:
        return self.clients.get(client_id)

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        note("register")
        self.clients[client_info.client_id] = client_info

    async def authorize(
        self, client: OAuthClientInformationFull, params: AuthorizationParams
    ) -> str:
        note("authorize")
        code = AuthorizationCode(
            code=secrets.token_hex(8),
            scopes=params.scopes or [],
            expires_at=time.time() + 60,
            client_id=client.client_id,
            code_challenge=params.code_challenge,
            redirect_uri=params.redirect_uri,
            redirect_uri_provided_explicitly=params.redirect_uri_provided_explicitly,
            resource=params.resource,
        )
        self.codes[code.code] = code
        return construct_redirect_uri(
            str(params.redirect_uri), code=code.code, state=params.state, iss=BASE
        )

    async def load_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: str
    ) -> AuthorizationCode | None:
        return self.codes.get(authorization_code)

    async def exchange_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: AuthorizationCode
    ) -> OAuthToken:
        del self.codes[authorization_code.code]
        return self.issue(client.client_id, authorization_code.scopes, authorization_code.resource)

    async def load_refresh_token(
        self, client: OAuthClientInformationFull, refresh_token: str
    ) -> RefreshToken | None:
        return self.refreshes.get(refresh_token)

    async def exchange_refresh_token(
        self, client: OAuthClientInformationFull, refresh_token: RefreshToken, scopes: list[str]
    ) -> OAuthToken:
        note("refresh")
        del self.refreshes[refresh_token.token]
        return self.issue(client.client_id, scopes, refresh_token.resource)

    def issue(self, client_id: str, scopes: list[str], resource: str | None) -> OAuthToken:
        access, refresh = secrets.token_hex(8), secrets.token_hex(8)
        self.tokens[access] = AccessToken(
            token=access,
            client_id=client_id,
            scopes=scopes,
            expires_at=int(time.time()) + SECONDS,
            resource=resource,
        )
        self.refreshes[refresh] = RefreshToken(
            token=refresh, client_id=client_id, scopes=scopes, resource=resource
        )
        return OAuthToken(
            access_token=access,
            expires_in=SECONDS,
            refresh_token=refresh,
            scope=" ".join(scopes),
        )

    async def load_access_token(self, token: str) -> AccessToken | None:
        return self.tokens.get(token)

    async def revoke_token(self, token: AccessToken | RefreshToken) -> None:
        raise NotImplementedError


server = MCPServer(
    "guarded",
    log_level="ERROR",
    auth_server_provider=Doorkeeper(),
    # From plain strings: as URL objects they would get a slash at the end, and issuers are
    # compared letter by letter.
    auth=AuthSettings.model_validate(
        {
            "issuer_url": BASE,
            "resource_server_url": f"{BASE}/mcp",
            "validate_token_resource": True,
            "required_scopes": ["use"],
            "client_registration_options": {
                "enabled": True,
                "valid_scopes": ["use"],
                "default_scopes": ["use"],
            },
        }
    ),
)


@server.tool()
def secret() -> str:
    """Only for those who have signed in."""
    return "42"


if __name__ == "__main__":
    server.run("streamable-http", port=PORT)
