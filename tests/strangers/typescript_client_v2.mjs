// The TypeScript client, second generation (npm `@modelcontextprotocol/client`), on both of its protocol eras.
import {
  Client, DpopSession, OAuthError, StreamableHTTPClientTransport, UnauthorizedError, auth, refreshAuthorization,
} from '@modelcontextprotocol/client';
import { finish } from './support/checks.mjs';
import { tellStory } from './support/mcp_story.mjs';

for (const [mode, title, more] of [
  ['auto', 'TypeScript client v2'],
  ['legacy', 'TypeScript client v2, initialize era'],
  ['auto', 'TypeScript client v2, DPoP', { dpop: () => DpopSession.create() }],
]) {
  await tellStory(title, {
    ...more,
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
    refresh: async (provider) => refreshAuthorization(provider.discoveryState().authorizationServerUrl, {
      metadata: provider.discoveryState().authorizationServerMetadata,
      clientInformation: provider.clientInformation(),
      refreshToken: provider.tokens().refresh_token,
      dpop: await provider.dpop?.(),
    }),
    isUnauthorized: (error) => error instanceof UnauthorizedError,
    isInvalidGrant: (error) => error instanceof OAuthError && error.code === 'invalid_grant',
  });
}
finish();
