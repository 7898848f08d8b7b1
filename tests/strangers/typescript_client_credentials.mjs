// The TypeScript client v2 with nobody behind it: client credentials, by secret and by key.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import {
  Client, ClientCredentialsProvider, PrivateKeyJwtProvider, StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client';
import { check, finish, required } from './support/checks.mjs';
import { assertScope, claims } from './support/tokens.mjs';

const resource = required('DEMO_RESOURCE');
const issuer = required('DEMO_ISSUER');

async function callsWhoami(provider, clientId) {
  const transport = new StreamableHTTPClientTransport(new URL(resource), { authProvider: provider });
  const client = new Client({ name: 'keyward-strangers', version: '1.0.0' });
  await client.connect(transport);
  const { content } = await client.callTool({ name: 'whoami', arguments: {} });
  const whoami = JSON.parse(content.find(({ type }) => type === 'text').text);
  assert.equal(whoami.authenticated, true);
  assert.equal(whoami.subject, clientId);
  await client.close();
  const tokens = provider.tokens();
  assert.equal(claims(tokens.access_token).aud, resource);
  assert.equal(claims(tokens.access_token).sub, clientId);
  assert.equal(tokens.refresh_token, undefined);
  return tokens;
}

await check('TypeScript client v2, client-credentials: gets a token by its secret and calls whoami', async () => {
  const clientId = 'dev-service-client';
  const provider = new ClientCredentialsProvider({
    clientId, clientSecret: 'dev-service-secret', scope: 'mcp:read mcp:write', expectedIssuer: issuer,
  });
  await callsWhoami(provider, clientId);
});

const mail = { to: 'dave@example.com', subject: 'Test Email', body: 'Hello from OAuth2 client!' };
for (const [clientId, clientSecret] of [
  ['test-client-id', 'test-client-secret'],
  ['dev-confidential-client', 'dev-confidential-secret'],
  ['dev-service-client', 'dev-service-secret'],
]) {
  await check(`TypeScript client v2, client-credentials: ${clientId} reads mail, and steps up to send some`, async () => {
    const provider = new ClientCredentialsProvider({ clientId, clientSecret, expectedIssuer: issuer, scope: 'mcp:tools:read' });
    const url = new URL('/mcp/client-credentials', resource);
    const client = new Client({ name: 'keyward-strangers', version: '1.0.0' });
    await client.connect(new StreamableHTTPClientTransport(url, { authProvider: provider }));
    const inbox = await client.callTool({ name: 'get_inbox', arguments: {} });
    assert.ok(!inbox.isError, JSON.stringify(inbox));
    assertScope(provider.tokens().scope, 'mcp:tools:read');
    const sent = await client.callTool({ name: 'send_email', arguments: mail });
    assert.ok(!sent.isError, JSON.stringify(sent));
    assertScope(provider.tokens().scope, 'mcp:tools:write');
    await client.close();
  });
}

await check('TypeScript client v2, client-credentials: a wrong secret is refused', async () => {
  const provider = new ClientCredentialsProvider({
    clientId: 'dev-service-client', clientSecret: 'wrong', expectedIssuer: issuer,
  });
  await assert.rejects(callsWhoami(provider, 'dev-service-client'), /invalid_client|authentication failed/);
});

// It signs with no EdDSA keys.
const keys = [
  ['ES256', 'ec', { namedCurve: 'P-256' }],
  ['RS256', 'rsa', { modulusLength: 2048 }],
];
for (const [algorithm, kind, options] of keys) {
  await check(`TypeScript client v2, private-key-jwt: gets tokens by its ${algorithm} key and calls whoami`, async () => {
    const { publicKey, privateKey } = generateKeyPairSync(kind, options);
    const clientId = await register(publicKey.export({ format: 'jwk' }));
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    const provider = () => new PrivateKeyJwtProvider({
      clientId, privateKey: pem, algorithm, scope: 'mcp:read', expectedIssuer: issuer,
    });
    const tokens = await callsWhoami(provider(), clientId);
    assertScope(tokens.scope, 'mcp:read');
    // A second assertion is another one.
    await callsWhoami(provider(), clientId);
  });
}

/** A client that acts for itself, which the demo lets register here. */
async function register(jwk) {
  const response = await fetch(`${issuer}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'Robot', grant_types: ['client_credentials'], token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [jwk] },
    }),
  });
  const registered = await response.json();
  assert.equal(response.status, 201, JSON.stringify(registered));
  return registered.client_id;
}
finish();
