// `openid-client` v6, the certified OpenID Connect client of the JavaScript world.
import assert from 'node:assert/strict';
import * as client from 'openid-client';
import { check, finish, required } from './support/checks.mjs';
import { protectedResource, toolCall, toolResult } from './support/mcp_wire.mjs';
import { tellStory } from './support/oauth_story.mjs';
import { Person } from './support/person.mjs';
import { assertScope } from './support/tokens.mjs';

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

for (const decision of ['allow', 'deny']) {
  await check(`openid-client: device flow, to ${decision}`, async () => {
    const issuer = new URL(required('DEMO_ISSUER'));
    const resource = required('DEMO_RESOURCE');
    const config = await client.discovery(issuer, 'dev-device-client', undefined, client.None(), options);
    const device = await client.initiateDeviceAuthorization(config, { scope: 'mcp:read offline_access', resource });
    const person = new Person();
    await person.letIn(device.verification_uri_complete, { decision });
    assert.deepEqual(person.pages, ['login', 'device', 'decision']);
    const polled = client.pollDeviceAuthorizationGrant(config, device);
    if (decision === 'deny') {
      await assert.rejects(polled, (error) => error.error === 'access_denied');
      return;
    }
    const tokens = await polled;
    const { headers, body } = toolCall('whoami');
    const call = ({ access_token }) =>
      client.fetchProtectedResource(config, access_token, new URL(resource), 'POST', body, headers);
    assert.equal((await toolResult(await call(tokens))).authenticated, true);
    assert.ok((await client.refreshTokenGrant(config, tokens.refresh_token)).access_token);
  });
}

await check('openid-client: pushes its request (RFC 9126), and the browser carries a reference only', async () => {
  const redirect_uri = 'http://127.0.0.1:4444/callback';
  const metadata = {
    client_name: 'pushing', redirect_uris: [redirect_uri], require_pushed_authorization_requests: true,
  };
  const issuer = new URL(required('DEMO_ISSUER'));
  const config = await client.dynamicClientRegistration(issuer, metadata, undefined, options);
  const verifier = client.randomPKCECodeVerifier();
  const state = client.randomState();
  const url = await client.buildAuthorizationUrlWithPAR(config, {
    redirect_uri, state, scope: 'mcp:read', resource: required('DEMO_RESOURCE'),
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  });
  assert.deepEqual([...url.searchParams.keys()].sort(), ['client_id', 'request_uri']);
  const callback = await new Person().authorize(url);
  const expected = { expectedState: state, pkceCodeVerifier: verifier };
  const tokens = await client.authorizationCodeGrant(config, callback, expected);
  assertScope(tokens.scope, 'mcp:read');
});
finish();
