// `oauth4webapi` v3: every request and every check of every answer spelled out, nothing forgiven.
import * as oauth from 'oauth4webapi';
import { finish } from './support/checks.mjs';
import { tellStory } from './support/oauth_story.mjs';

const http = { [oauth.allowInsecureRequests]: true };

async function discover(issuer, algorithm) {
  const url = new URL(issuer);
  return oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { ...http, algorithm }));
}

function session(server, client, authentication) {
  const validated = async (process, response, ...rest) => {
    const tokens = await process(server, client, response, ...rest);
    if (tokens.id_token) await oauth.validateApplicationLevelSignature(server, response, http);
    return tokens;
  };
  return {
    issuer: server.issuer,
    async authorizationUrl(parameters) {
      const verifier = oauth.generateRandomCodeVerifier();
      const url = new URL(server.authorization_endpoint);
      url.search = new URLSearchParams({
        ...parameters,
        client_id: client.client_id,
        response_type: 'code',
        code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      });
      return { url, verifier };
    },
    async exchange(callback, { state, verifier, nonce, redirectUri, resource }) {
      const parameters = oauth.validateAuthResponse(server, client, callback, state);
      const response = await oauth.authorizationCodeGrantRequest(
        server, client, authentication, parameters, redirectUri, verifier,
        { ...http, additionalParameters: resource && { resource } },
      );
      const tokens = await validated(oauth.processAuthorizationCodeResponse, response, {
        expectedNonce: nonce ?? oauth.expectNoNonce, requireIdToken: Boolean(nonce),
      });
      return { ...tokens, idToken: oauth.getValidatedIdTokenClaims(tokens) };
    },
    refresh: async (token) => validated(
      oauth.processRefreshTokenResponse,
      await oauth.refreshTokenGrantRequest(server, client, authentication, token, http),
    ),
    call: (token, url, { headers, body }) =>
      oauth.protectedResourceRequest(token, 'POST', new URL(url), headers, body, http),
    userinfo: async (token, subject) => oauth.processUserInfoResponse(
      server, client, subject, await oauth.userInfoRequest(server, client, token, http),
    ),
    revoke: async (token) => oauth.processRevocationResponse(
      await oauth.revocationRequest(server, client, authentication, token, http),
    ),
    introspect: async (token) => oauth.processIntrospectionResponse(
      server, client, await oauth.introspectionRequest(server, client, authentication, token, http),
    ),
  };
}

await tellStory('oauth4webapi', {
  async register(resource, metadata) {
    const url = new URL(resource);
    const described = await oauth.processResourceDiscoveryResponse(
      url, await oauth.resourceDiscoveryRequest(url, http),
    );
    const server = await discover(described.authorization_servers[0], 'oauth2');
    const client = await oauth.processDynamicClientRegistrationResponse(
      await oauth.dynamicClientRegistrationRequest(server, metadata, http),
    );
    return session(server, client, oauth.None());
  },
  async known(issuer, { clientId, clientSecret }) {
    const server = await discover(issuer, 'oidc');
    return session(server, { client_id: clientId }, oauth.ClientSecretBasic(clientSecret));
  },
  challengeOf: (error) => ({ status: error.status, parameters: error.cause[0].parameters }),
  errorCodeOf: (error) => error.error,
});
finish();
