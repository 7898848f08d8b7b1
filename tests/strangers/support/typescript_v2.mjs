// What is particular to the TypeScript client, second generation, in the story of an MCP client.
import {
  Client, OAuthError, StreamableHTTPClientTransport, UnauthorizedError, auth, refreshAuthorization,
} from '@modelcontextprotocol/client';

/** In one of its protocol eras, `auto` or `legacy`. */
export const typescriptV2 = (mode) => ({
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
