// The life of a general OAuth and OpenID Connect client at Keyward, told once for both general libraries.
//
// `library` is what differs between them:
//   register(resource, metadata) -> session                 discovery from the MCP URL, then RFC 7591
//   known(issuer, { clientId, clientSecret }) -> session    a client registered by hand
// and a session has: issuer, authorizationUrl(parameters), exchange(callback, expected), refresh(token),
//   call(token, url, toolCall) -> Response, userinfo(token, subject), revoke(token), introspect(token).
//   `tokenType` and `scheme` are what it uses its tokens as, `bearer` and `Bearer` if not said.
//   `challengeOf(error)` and `errorCodeOf(error)` read the library's errors.
import assert from 'node:assert/strict';
import { check, required } from './checks.mjs';
import { toolCall, toolResult } from './mcp_wire.mjs';
import { Person } from './person.mjs';
import { assertScope, claims } from './tokens.mjs';

const resource = required('DEMO_RESOURCE');
const issuer = required('DEMO_ISSUER');
const redirectUri = 'http://127.0.0.1:4444/callback';

export async function tellStory(title, library) {
  const named = (sentence) => `${title}: ${sentence}`;
  const person = new Person();
  let session;
  let tokens;

  /** The whole authorization code flow with PKCE, state and (for OpenID Connect) a nonce. */
  async function authorize(at, { scope, target, nonce }) {
    const state = crypto.randomUUID();
    const { url, verifier } = await at.authorizationUrl({
      redirect_uri: redirectUri, scope, state,
      ...(target && { resource: target }),
      ...(nonce && { nonce }),
    });
    const callback = await person.authorize(url);
    return at.exchange(callback, { state, verifier, nonce, redirectUri, resource: target });
  }

  const use = async (token, name, args) => toolResult(await session.call(token, resource, toolCall(name, args)));

  await check(named('finds the authorization server from the MCP URL and registers itself'), async () => {
    session = await library.register(resource, {
      client_name: title,
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    });
    assert.equal(session.issuer, issuer);
  });

  await check(named('gets tokens for the MCP server with PKCE, through sign-in and consent'), async () => {
    tokens = await authorize(session, { scope: 'mcp:read', target: resource });
    assert.deepEqual(person.pages, ['login', 'consent']);
    assert.equal(claims(tokens.access_token).aud, resource);
    assert.equal(tokens.token_type, library.tokenType ?? 'bearer');
  });

  await check(named('calls echo and whoami'), async () => {
    assert.equal((await use(tokens.access_token, 'echo', { message: 'grüße' })).message, 'grüße');
    const whoami = await use(tokens.access_token, 'whoami');
    assert.equal(whoami.subject, claims(tokens.access_token).sub);
    assert.equal(whoami.scheme, library.scheme ?? 'Bearer');
  });

  for (const time of ['once', 'twice']) {
    await check(named(`refreshes ${time}`), async () => {
      const next = await session.refresh(tokens.refresh_token);
      assert.notEqual(next.refresh_token, tokens.refresh_token, 'the refresh token was not rotated');
      assert.equal(claims(next.access_token).aud, resource);
      assertScope(next.scope ?? tokens.scope, 'mcp:read');
      tokens = next;
      assert.equal((await use(tokens.access_token, 'whoami')).authenticated, true);
    });
  }

  await check(named('steps up from mcp:read to a tool that needs mcp:tools:write'), async () => {
    let needed;
    await assert.rejects(use(tokens.access_token, 'get_secret', { key: 'api_key' }), (error) => {
      const { status, parameters } = library.challengeOf(error);
      assert.equal(status, 403);
      assert.equal(parameters.error, 'insufficient_scope');
      needed = parameters.scope;
      return true;
    });
    const union = [...new Set(['mcp:read', ...needed.split(' ')])].join(' ');
    const wider = await authorize(session, { scope: union, target: resource });
    assertScope(claims(wider.access_token).scope, 'mcp:read', 'mcp:tools:write');
    const secret = await use(wider.access_token, 'get_secret', { key: 'api_key' });
    assert.equal(secret.key, 'api_key');
    tokens = wider;
  });

  await check(named('revokes its refresh token, which then is invalid_grant'), async () => {
    await session.revoke(tokens.refresh_token);
    await assert.rejects(session.refresh(tokens.refresh_token), (error) => {
      assert.equal(library.errorCodeOf(error), 'invalid_grant');
      return true;
    });
  });

  await check(named('reads a signed ID token with the nonce it asked for, and userinfo'), async () => {
    const nonce = crypto.randomUUID();
    const openid = await authorize(session, { scope: 'openid profile email offline_access', nonce });
    assert.equal(openid.idToken.nonce, nonce);
    assert.equal(typeof openid.idToken.auth_time, 'number');
    assert.equal(claims(openid.access_token).aud, issuer);
    assert.ok(openid.refresh_token, 'no refresh token');
    const userinfo = await session.userinfo(openid.access_token, openid.idToken.sub);
    assert.equal(userinfo.preferred_username, 'alice');
    assert.ok(userinfo.email.includes('@'), 'no email');
  });

  await check(named('as a client with a secret, introspects its own token until it revokes it'), async () => {
    const confidential = await library.known(issuer, {
      clientId: 'dev-confidential-client', clientSecret: 'dev-confidential-secret',
    });
    const own = await authorize(confidential, { scope: 'mcp:read', target: resource });
    const alive = await confidential.introspect(own.access_token);
    assert.equal(alive.active, true);
    assert.equal(alive.client_id, 'dev-confidential-client');
    assert.equal(alive.sub, claims(own.access_token).sub);
    assertScope(alive.scope, 'mcp:read');
    const again = await confidential.refresh(own.refresh_token);
    await confidential.revoke(again.access_token);
    assert.deepEqual(await confidential.introspect(again.access_token), { active: false });
  });
}
