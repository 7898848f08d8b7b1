// The TypeScript client, second generation (npm `@modelcontextprotocol/client`), on both of its protocol eras.
import {
  Client, OAuthError, StreamableHTTPClientTransport, UnauthorizedError, auth, refreshAuthorization,
} from '@modelcontextprotocol/client';
import { finish } from './support/checks.mjs';
import { tellStory } from './support/mcp_story.mjs';

for (const [mode, title] of [['auto', 'TypeScript client v2'], ['legacy', 'TypeScript client v2, initialize era']]) {
  await tellStory(title, {
    auth,
    async connect(url, authProvider) {
      const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider });
      const client = new Client({ name: 'keyward-strangers', version: '1.0.0' }, { versionNegotiation: { mode } });
      try {
        await client.connect(transport);
      } catch (error) {
        throw Object.assign(error, { transport });
      }
      return { client, transport };
    },
    finishAuth: (transport, parameters) => transport.finishAuth(parameters),
    refresh: (provider) => refreshAuthorization(provider.discoveryState().authorizationServerUrl, {
      metadata: provider.discoveryState().authorizationServerMetadata,
      clientInformation: provider.clientInformation(),
      refreshToken: provider.tokens().refresh_token,
    }),
    isUnauthorized: (error) => error instanceof UnauthorizedError,
    isInvalidGrant: (error) => error instanceof OAuthError && error.code === 'invalid_grant',
  });
}
finish();
