// `openid-client` v6, the certified OpenID Connect client of the JavaScript world.
import * as client from 'openid-client';
import { finish } from './support/checks.mjs';
import { protectedResource } from './support/mcp_wire.mjs';
import { tellStory } from './support/oauth_story.mjs';

// The demo speaks plain http on loopback; ID token signatures are to be checked against the JWKS nevertheless.
const options = { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] };

function session(config) {
  return {
    issuer: config.serverMetadata().issuer,
    async authorizationUrl(parameters) {
      const verifier = client.randomPKCECodeVerifier();
      const code_challenge = await client.calculatePKCECodeChallenge(verifier);
      const url = client.buildAuthorizationUrl(config, {
        ...parameters, code_challenge, code_challenge_method: 'S256',
      });
      return { url, verifier };
    },
    async exchange(callback, { state, verifier, nonce, resource }) {
      const tokens = await client.authorizationCodeGrant(
        config,
        callback,
        { expectedState: state, pkceCodeVerifier: verifier, expectedNonce: nonce, idTokenExpected: Boolean(nonce) },
        resource && { resource },
      );
      return { ...tokens, idToken: tokens.claims() };
    },
    refresh: (token) => client.refreshTokenGrant(config, token),
    call: (token, url, { headers, body }) =>
      client.fetchProtectedResource(config, token, new URL(url), 'POST', body, headers),
    userinfo: (token, subject) => client.fetchUserInfo(config, token, subject),
    revoke: (token) => client.tokenRevocation(config, token),
    introspect: (token) => client.tokenIntrospection(config, token),
  };
}

await tellStory('openid-client', {
  async register(resource, metadata) {
    const { authorization_servers: [server] } = await protectedResource(resource);
    return session(await client.dynamicClientRegistration(new URL(server), metadata, client.None(), options));
  },
  async known(issuer, { clientId, clientSecret }) {
    const method = client.ClientSecretPost(clientSecret);
    return session(await client.discovery(new URL(issuer), clientId, undefined, method, options));
  },
  challengeOf: (error) => ({ status: error.status, parameters: error.cause[0].parameters }),
  errorCodeOf: (error) => error.error,
});
finish();
