// `openid-client` v6, the certified OpenID Connect client of the JavaScript world.
import * as client from 'openid-client';
import { finish } from './support/checks.mjs';
import { protectedResource } from './support/mcp_wire.mjs';
import { tellStory } from './support/oauth_story.mjs';

// The demo speaks plain http on loopback; ID token signatures are to be checked against the JWKS nevertheless.
const options = { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] };

/** `use` is what each request takes of the library's DPoP (RFC 9449): nothing, or `{ DPoP: handle }`. */
function session(config, use = {}) {
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
        use,
      );
      return { ...tokens, idToken: tokens.claims() };
    },
    refresh: (token) => client.refreshTokenGrant(config, token, undefined, use),
    call: (token, url, { headers, body }) =>
      client.fetchProtectedResource(config, token, new URL(url), 'POST', body, headers, use),
    userinfo: (token, subject) => client.fetchUserInfo(config, token, subject, use),
    revoke: (token) => client.tokenRevocation(config, token),
    introspect: (token) => client.tokenIntrospection(config, token),
  };
}

/** The library as it comes, or with all its tokens bound to a key of its own. */
const library = (bind) => ({
  async register(resource, metadata) {
    const { authorization_servers: [server] } = await protectedResource(resource);
    const config = await client.dynamicClientRegistration(new URL(server), metadata, client.None(), options);
    return session(config, await bind(config));
  },
  async known(issuer, { clientId, clientSecret }) {
    const method = client.ClientSecretPost(clientSecret);
    const config = await client.discovery(new URL(issuer), clientId, undefined, method, options);
    return session(config, await bind(config));
  },
  challengeOf: (error) => ({ status: error.status, parameters: error.cause[0].parameters }),
  errorCodeOf: (error) => error.error,
});

await tellStory('openid-client', library(() => ({})));
for (const algorithm of ['ES256', 'EdDSA', 'RS256']) {
  const bind = async (config) => ({ DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair(algorithm)) });
  await tellStory(`openid-client, DPoP ${algorithm}`, { ...library(bind), tokenType: 'dpop', scheme: 'DPoP' });
}
finish();
