// The whole life of an MCP client with a person behind it, told once for both generations of the TypeScript SDK.
//
// `sdk` is what differs between them:
//   connect(url, provider) -> { client, transport }, connected
//   finishAuth(transport, parameters)            the callback's parameters, handed to the transport
//   auth(provider, { serverUrl, scope, authorizationCode, iss })
//   refresh(provider)                            one refresh by the SDK's own function, without its recovery
//   isUnauthorized(error), isInvalidGrant(error)
//   dpop()                                       a key for a provider's tokens (RFC 9449), if it binds them
//   clientMetadataUrl                            where the document is that describes it, instead of a registration
//   stepUp(provider)                             what a host does before it lets the SDK ask for more, if anything
import assert from 'node:assert/strict';
import { check, required } from './checks.mjs';
import { MemoryProvider } from './memory_provider.mjs';
import { Person } from './person.mjs';
import { assertScope, claims } from './tokens.mjs';

const resource = required('DEMO_RESOURCE');
const issuer = required('DEMO_ISSUER');

export async function tellStory(title, sdk) {
  const named = (sentence) => `${title}: ${sentence}`;
  const newProvider = () => {
    const redirectUrl = 'http://127.0.0.1:3333/callback';
    const made = new MemoryProvider({ clientName: title, redirectUrl, clientMetadataUrl: sdk.clientMetadataUrl });
    const key = sdk.dpop?.();
    return key ? Object.assign(made, { dpop: () => key }) : made;
  };
  const provider = newProvider();
  const person = new Person();
  let waiting;
  let connection;

  const introduces = sdk.clientMetadataUrl ? 'names its document' : 'registers itself';
  await check(named(`finds its authorization server from the MCP URL and ${introduces}`), async () => {
    waiting = await sentToTheBrowser(() => sdk.connect(resource, provider));
    assert.equal(provider.discoveryState().authorizationServerMetadata.issuer, issuer);
    assert.ok(provider.clientInformation().client_id, 'no client_id');
    if (sdk.clientMetadataUrl) assert.equal(provider.clientInformation().client_id, sdk.clientMetadataUrl);
    assert.equal(provider.authorizationUrl.searchParams.get('resource'), resource);
    assert.equal(provider.authorizationUrl.searchParams.get('code_challenge_method'), 'S256');
  });

  await check(named('gets its tokens after sign-in and consent'), async () => {
    const callback = await person.authorize(provider.authorizationUrl);
    assert.deepEqual(person.pages, ['login', 'consent']);
    assert.equal(callback.searchParams.get('iss'), issuer);
    await sdk.finishAuth(waiting.transport, provider.callback(callback));
    assert.equal(claims(provider.tokens().access_token).aud, resource);
    assert.ok(provider.tokens().refresh_token, 'no refresh token');
  });

  await check(named('lists tools and calls echo and whoami'), async () => {
    connection = await sdk.connect(resource, provider);
    const { tools } = await connection.client.listTools();
    assert.ok(tools.some((tool) => tool.name === 'whoami'), 'whoami is not listed');
    const echo = await call(connection, 'echo', { message: 'grüße' });
    assert.equal(echo.message, 'grüße');
    const whoami = await call(connection, 'whoami');
    assert.equal(whoami.authenticated, true);
    assert.equal(whoami.identity, 'alice');
    assert.equal(whoami.subject, claims(provider.tokens().access_token).sub);
    assert.equal(whoami.scheme, sdk.dpop ? 'DPoP' : 'Bearer');
    assert.equal(whoami.client_id, provider.clientInformation().client_id);
  });

  for (const time of ['once', 'twice']) {
    await check(named(`refreshes ${time} when its access token is refused`), async () => {
      const before = provider.tokens();
      provider.saveTokens({ ...before, access_token: spoil(before.access_token) });
      const whoami = await call(connection, 'whoami');
      assert.equal(whoami.authenticated, true);
      assert.notEqual(provider.tokens().refresh_token, before.refresh_token, 'the refresh token was not rotated');
      assert.notEqual(provider.tokens().access_token, before.access_token);
      assert.deepEqual(provider.invalidated, []);
    });
  }

  await check(named('steps up from mcp:read to a tool that needs mcp:tools:write'), async () => {
    const careful = newProvider();
    await sdk.auth(careful, { serverUrl: resource, scope: 'mcp:read' });
    await redeem(sdk, careful, person);
    assertScope(careful.tokens().scope, 'mcp:read');
    assert.ok(!careful.tokens().scope.includes('mcp:tools:write'), 'write was granted without being asked for');
    const first = await sdk.connect(resource, careful);
    sdk.stepUp?.(careful);
    const refused = await sentToTheBrowser(() => call(first, 'get_secret', { key: 'api_key' }));
    const asked = careful.authorizationUrl.searchParams.get('scope');
    assertScope(asked, 'mcp:tools:write');
    const callback = await person.authorize(careful.authorizationUrl);
    await sdk.finishAuth(refused.transport ?? first.transport, careful.callback(callback));
    const second = await sdk.connect(resource, careful);
    const secret = await call(second, 'get_secret', { key: 'api_key' });
    assert.equal(secret.key, 'api_key');
    assert.ok(secret.value, 'no value');
    assertScope(claims(careful.tokens().access_token).scope, 'mcp:read', 'mcp:tools:write');
    await first.client.close();
    await second.client.close();
  });

  await check(named('is out after its refresh token was revoked'), async () => {
    const { revocation_endpoint: endpoint } = provider.discoveryState().authorizationServerMetadata;
    const { client_id } = provider.clientInformation();
    const dead = provider.tokens().refresh_token;
    const body = new URLSearchParams({ token: dead, token_type_hint: 'refresh_token', client_id });
    const response = await fetch(endpoint, { method: 'POST', body });
    assert.equal(response.status, 200);
    await assert.rejects(sdk.refresh(provider), (error) => sdk.isInvalidGrant(error));
    assert.equal(await sdk.auth(provider, { serverUrl: resource }), 'REDIRECT');
    assert.deepEqual(provider.invalidated, ['tokens']);
    await connection.client.close();
  });

  /** Runs what must end with the person being sent to the browser; gives the transport that waits for them. */
  async function sentToTheBrowser(body) {
    try {
      await body();
    } catch (error) {
      if (sdk.isUnauthorized(error)) return { transport: error.transport };
      throw error;
    }
    throw new Error('nobody was sent to the browser');
  }
}

async function redeem(sdk, provider, person) {
  const parameters = provider.callback(await person.authorize(provider.authorizationUrl));
  await sdk.auth(provider, {
    serverUrl: resource,
    authorizationCode: parameters.get('code'),
    iss: parameters.get('iss') ?? undefined,
  });
}

async function call({ client }, name, args = {}) {
  const result = await client.callTool({ name, arguments: args });
  assert.ok(!result.isError, `${name} answered an error: ${JSON.stringify(result.content)}`);
  return result.structuredContent ?? JSON.parse(result.content[0].text);
}

/** The same token with a signature that does not fit. */
function spoil(jwt) {
  const at = jwt.lastIndexOf('.') + 10;
  return jwt.slice(0, at) + (jwt[at] === 'A' ? 'B' : 'A') + jwt.slice(at + 1);
}
