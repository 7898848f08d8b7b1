"""What a host of the Python SDK writes: storage, and the way to its person's browser and back."""

import asyncio
import urllib.parse

from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

from support.person import Person


class Storage:
    """What a host writes: tokens and registration, here in memory."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class Host:
    """One installation of an MCP client, with a person in front of it."""

    def __init__(self, title: str, resource: str, document: str | None = None) -> None:
        self.storage, self.person = Storage(), Person()
        self.asked: list[dict[str, str]] = []
        metadata = OAuthClientMetadata(
            client_name=title, redirect_uris=["http://127.0.0.1:5555/callback"], token_endpoint_auth_method="none"
        )
        self.provider = OAuthClientProvider(
            resource,
            metadata,
            self.storage,
            redirect_handler=self._open,
            callback_handler=self._called_back,
            client_metadata_url=document,
        )

    async def _open(self, url: str) -> None:
        self.asked.append(dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query)))
        self._callback = await asyncio.to_thread(self.person.authorize, url)

    async def _called_back(self) -> AuthorizationCodeResult:
        answer = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self._callback).query))
        return AuthorizationCodeResult(code=answer["code"], state=answer.get("state"), iss=answer.get("iss"))
