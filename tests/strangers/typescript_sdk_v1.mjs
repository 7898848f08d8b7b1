// The TypeScript SDK, first generation (npm `@modelcontextprotocol/sdk`), which most hosts still embed.
import { UnauthorizedError, auth, refreshAuthorization } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { InvalidGrantError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { finish } from './support/checks.mjs';
import { tellStory } from './support/mcp_story.mjs';

await tellStory('TypeScript SDK v1', {
  auth,
  async connect(url, authProvider) {
    const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider });
    const client = new Client({ name: 'keyward-strangers', version: '1.0.0' });
    try {
      await client.connect(transport);
    } catch (error) {
      throw Object.assign(error, { transport });
    }
    return { client, transport };
  },
  finishAuth: (transport, parameters) => transport.finishAuth(parameters.get('code')),
  refresh: (provider) => refreshAuthorization(provider.discoveryState().authorizationServerUrl, {
    metadata: provider.discoveryState().authorizationServerMetadata,
    clientInformation: provider.clientInformation(),
    refreshToken: provider.tokens().refresh_token,
  }),
  // With a refresh token at hand this generation answers a 403 by refreshing, which can never widen a scope.
  // Hosts that step up put the refresh token away first.
  stepUp(provider) {
    const { refresh_token: _, ...rest } = provider.tokens();
    provider.saveTokens(rest);
  },
  isUnauthorized: (error) => error instanceof UnauthorizedError,
  isInvalidGrant: (error) => error instanceof InvalidGrantError,
});
finish();
