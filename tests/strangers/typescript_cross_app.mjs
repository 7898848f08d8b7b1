// The TypeScript client v2 with cross-app access: an identity provider says who somebody is, and no page is shown.
import assert from 'node:assert/strict';
import {
  Client, CrossAppAccessProvider, StreamableHTTPClientTransport, discoverAndRequestJwtAuthGrant,
} from '@modelcontextprotocol/client';
import { check, finish, required } from './support/checks.mjs';
import { IdentityProvider } from './support/identity_provider.mjs';
import { assertScope, claims } from './support/tokens.mjs';

const resource = required('DEMO_RESOURCE');
const issuer = required('DEMO_ISSUER');
const clientId = required('KEYWARD_CROSS_APP_CLIENT');
const clientSecret = required('KEYWARD_CROSS_APP_SECRET');

// Alice has an account in the demo, by her address; carol gets one.
const idp = new IdentityProvider({
  issuer: required('KEYWARD_IDP'),
  keyFile: required('KEYWARD_IDP_KEY'),
  people: {
    'id-token-of-alice': { sub: '00u-alice', email: 'alice@demo.example' },
    'id-token-of-carol': { sub: '00u-carol', email: 'carol@demo.example' },
  },
});
await idp.listen();

/** Brings what the identity provider issues for this ID token. */
function provider(idToken, { assertion, secret = clientSecret } = {}) {
  const fromIdp = async ({ authorizationServerUrl, resourceUrl, scope, fetchFn }) => {
    const { jwtAuthGrant } = await discoverAndRequestJwtAuthGrant({
      idpUrl: idp.issuer, audience: authorizationServerUrl, resource: resourceUrl, idToken, clientId, scope, fetchFn,
    });
    return jwtAuthGrant;
  };
  return new CrossAppAccessProvider({
    clientId, clientSecret: secret, expectedIssuer: issuer, assertion: assertion ?? fromIdp,
  });
}

async function whoami(authProvider) {
  const transport = new StreamableHTTPClientTransport(new URL(resource), { authProvider });
  const client = new Client({ name: 'keyward-strangers', version: '1.0.0' });
  await client.connect(transport);
  const { content } = await client.callTool({ name: 'whoami', arguments: {} });
  await client.close();
  return JSON.parse(content.find(({ type }) => type === 'text').text);
}

await check('TypeScript client v2, cross-app access: alice is known without a page and calls whoami', async () => {
  const alice = provider('id-token-of-alice');
  const seen = await whoami(alice);
  assert.equal(seen.authenticated, true);
  assert.equal(seen.identity, 'alice');
  assert.equal(seen.client_id, clientId);
  const tokens = alice.tokens();
  assert.equal(claims(tokens.access_token).aud, resource);
  assertScope(tokens.scope, 'mcp:read');
  assert.equal(tokens.refresh_token, undefined);
  assert.equal(idp.requests.at(-1).audience, issuer);
  assert.equal(idp.requests.at(-1).resource, resource);
});

await check('TypeScript client v2, cross-app access: the next assertion is for the same account', async () => {
  const [one, two] = [await whoami(provider('id-token-of-alice')), await whoami(provider('id-token-of-alice'))];
  assert.equal(one.subject, two.subject);
});

await check('TypeScript client v2, cross-app access: somebody new gets an account', async () => {
  const seen = await whoami(provider('id-token-of-carol'));
  assert.equal(seen.identity, 'carol@demo.example');
});

const wrong = {
  'for another server': { aud: 'https://auth.example' },
  'of another client': { client_id: 'demo_client' },
  'that is over': { exp: Math.floor(Date.now() / 1000) - 1 },
  'of nobody who is trusted': { iss: 'https://idp.example' },
};
for (const [what, changes] of Object.entries(wrong)) {
  await check(`TypeScript client v2, cross-app access: an assertion ${what} is refused`, async () => {
    const person = { sub: '00u-alice', email: 'alice@demo.example' };
    const good = idp.claims(person, { audience: issuer, resource, scope: 'mcp:read', clientId });
    const assertion = async () => idp.sign({ ...good, ...changes });
    await assert.rejects(whoami(provider('', { assertion })), /invalid_grant|the assertion|aud must|JWT has expired/);
  });
}

await check('TypeScript client v2, cross-app access: a wrong secret is refused', async () => {
  const mistaken = provider('id-token-of-alice', { secret: 'wrong' });
  await assert.rejects(whoami(mistaken), /invalid_client|authentication failed/);
});
finish();
