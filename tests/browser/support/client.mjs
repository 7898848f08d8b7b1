// A client of the authorization server, as small as a test needs it: RFC 7591 registration, authorization URLs with
// PKCE, and a callback listener.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import { required } from '../../strangers/support/checks.mjs';

export const issuer = required('DEMO_ISSUER');
export const resource = required('DEMO_RESOURCE');

export async function register(name, redirectUris) {
  const response = await fetch(`${issuer}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: name, redirect_uris: redirectUris, token_endpoint_auth_method: 'none' }),
  });
  assert.equal(response.status, 201, await response.clone().text());
  return (await response.json()).client_id;
}

const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';

/** A client for devices only (RFC 8628): it needs no redirect URI. */
export async function registerDevice(name) {
  const grant_types = [deviceGrant, 'refresh_token'];
  const response = await fetch(`${issuer}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: name, grant_types, token_endpoint_auth_method: 'none' }),
  });
  assert.equal(response.status, 201, await response.clone().text());
  return (await response.json()).client_id;
}

/** A device that waits for somebody to let it in. */
export async function waitingDevice(clientId = 'dev-device-client') {
  const body = new URLSearchParams({ client_id: clientId, scope: 'mcp:read', resource });
  const response = await fetch(`${issuer}/device_authorization`, { method: 'POST', body });
  assert.equal(response.status, 200, await response.clone().text());
  return { clientId, ...await response.json() };
}

/** What the device hears once the interval is over. */
export async function pollOnce({ clientId, device_code, interval }) {
  await new Promise((resolve) => setTimeout(resolve, (interval + 1) * 1000));
  const body = new URLSearchParams({ grant_type: deviceGrant, client_id: clientId, device_code });
  return (await fetch(`${issuer}/token`, { method: 'POST', body })).json();
}

/** One authorization request: its URL, and the verifier and redirect URI its code is redeemed with. */
export function authorization(clientId, redirectUri, scope = 'mcp:read') {
  const verifier = randomBytes(32).toString('base64url');
  const url = new URL(`${issuer}/authorize`);
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    scope,
    resource,
    state: randomBytes(12).toString('base64url'),
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  return { url: url.href, verifier, redirectUri, clientId };
}

export async function redeem({ verifier, redirectUri, clientId }, callback) {
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    code: callback.searchParams.get('code'),
    redirect_uri: redirectUri,
    client_id: clientId,
    code_verifier: verifier,
  });
  const response = await fetch(`${issuer}/token`, { method: 'POST', body });
  assert.equal(response.status, 200, await response.clone().text());
  return response.json();
}

/** Listens on loopback for callbacks, as native clients do; `answerTo(request)` is the URL its answer came back on. */
export async function listen() {
  const callbacks = new EventEmitter();
  const arrived = new Map();
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end('<!doctype html><html lang="en"><title>Back at the client</title><p>Back at the client</p>');
    const url = new URL(request.url, redirectUri);
    const state = url.searchParams.get('state');
    arrived.set(state, url);
    callbacks.emit(state, url);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const redirectUri = `http://127.0.0.1:${server.address().port}/callback`;
  return {
    redirectUri,
    answerTo: async (request) => {
      const state = new URL(request.url).searchParams.get('state');
      const answer = arrived.get(state) ?? (await within(10_000, 'the callback', once(callbacks, state)))[0];
      arrived.delete(state);
      return answer;
    },
    close: () => server.close(),
  };
}

export function within(milliseconds, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${milliseconds} ms`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
