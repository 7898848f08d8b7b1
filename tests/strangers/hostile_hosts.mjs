// Hosts that mean no good, with real names, addresses and certificates, on the private internet: none is asked more
// than once, none reaches what is inside, and whoever asked reads the same of all that publish no document of their own.
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hosts } from './internet/hosts.mjs';
import { check, finish, required } from './support/checks.mjs';
import { asked } from './support/internet.mjs';
import { Person } from './support/person.mjs';

const issuer = required('DEMO_ISSUER');
/** Nobody may ask for more than twenty new apps a minute. */
const people = [
  ['alice', 'password123'], ['bob', 'hunter2'], ['testuser', 'TestPass123!'], ['demo_user', 'demo_password'],
].map(([username, password]) => new Person({ username, password }));
/** Bytes that a host may get rid of: what is read, and what both systems keep meanwhile. */
const MOST = 8_000_000;

function authorizationUrl(clientId, redirectUri = 'http://127.0.0.1:3333/callback') {
  const url = new URL(`${issuer}/authorize`);
  url.search = new URLSearchParams({
    client_id: clientId, response_type: 'code', redirect_uri: redirectUri, scope: 'mcp:read',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256',
  });
  return url;
}

/** With an assertion that nobody can verify (RFC 7523 §2.2). */
function redeem(clientId) {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: clientId, sub: clientId, aud: issuer, iat: now, exp: now + 60, jti: crypto.randomUUID() };
  const encoded = (part) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const signed = [{ alg: 'ES256' }, claims].map(encoded).join('.');
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return fetch(`${issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code', code: 'code', code_verifier: 'a'.repeat(43),
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: `${signed}.${signature.toString('base64url')}`,
    }),
  });
}

const documentOf = ({ name }) => `https://${name}/client.json`;

/** The page without the reference by which the operator finds the reason. */
async function seen(response) {
  const reference = response.headers.get('x-request-id');
  const html = await response.text();
  return { status: response.status, named: html.includes(reference), html: html.replaceAll(reference, '') };
}

/** The log's lines about one document, without those of other rooms. */
async function logged(clientId) {
  const lines = (await readFile(required('DEMO_LOG'), 'utf8')).split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line).fields).filter(({ client, rule }) => client === clientId && rule);
}

await Promise.all(people.map((person) => person.signIn(issuer)));
const before = (await asked('')).addresses;
const pages = await Promise.all(hosts.map(async (host, at) => {
  const response = await people[at % people.length].open(authorizationUrl(documentOf(host)));
  return seen(response);
}));

for (const [at, host] of hosts.entries()) {
  await check(`hostile host ${host.number}: ${host.what}`, async () => {
    // A document of that very URL learns what is wrong with it, and nobody anything of the network.
    if (host.told) assert.match(pages[at].html, host.reason);
    else assert.deepEqual(pages[at], pages[0]);
    assert.ok(pages[at].status === 400 && pages[at].named, `status ${pages[at].status}`);
    const lines = await logged(documentOf(host));
    assert.equal(lines.length, 1, JSON.stringify(lines));
    assert.match(lines[0].rule, host.reason);
    const { lookups, requests, bytes } = await asked(host.name);
    assert.deepEqual({ lookups, requests }, { lookups: 1, requests: host.requests });
    assert.ok(bytes < MOST, `${bytes} bytes were taken`);
  });
}

await check('hostile hosts: nothing but the public address was connected to', async () => {
  const after = (await asked('')).addresses;
  const connected = Object.keys(after).filter((address) => after[address] !== before[address]);
  assert.deepEqual(connected, ['11.22.33.44']);
});

await check('hostile hosts: a name that now leads inside is not connected to, and nothing was kept', async () => {
  const host = hosts.find(({ label }) => label === 'rebinding');
  assert.deepEqual(await seen(await people[0].open(authorizationUrl(documentOf(host)))), pages[0]);
  const lines = await logged(documentOf(host));
  assert.equal(lines.length, 2);
  assert.match(lines[1].rule, /not on the public internet/);
  assert.equal((await asked(host.name)).requests, 1);
  assert.equal((await asked('')).addresses['127.0.0.1'], before['127.0.0.1']);
});

await check('hostile hosts: keys that are not where keys may be prove nothing, and all look the same', async () => {
  const answers = [];
  const inside = ['keys-inside', /not on the public internet/];
  for (const [name, reason] of [inside, ['keys-redirected', /status is not 200/]]) {
    const clientId = `https://app.example/${name}.json`;
    const request = authorizationUrl(clientId, 'https://app.example/callback');
    assert.equal((await people[0].open(request)).status, 200);
    const response = await redeem(clientId);
    answers.push([response.status, await response.text(), response.headers.has('retry-after')]);
    const lines = (await readFile(required('DEMO_LOG'), 'utf8')).split('\n');
    assert.ok(lines.some((line) => line.includes('jwks_fetch_error') && reason.test(line)), `no line for ${name}`);
  }
  assert.deepEqual(answers[0], answers[1]);
  // Not had, for whatever reason, is not yet had.
  assert.equal(answers[0][0], 503);
  assert.deepEqual([JSON.parse(answers[0][1]).error, answers[0][2]], ['temporarily_unavailable', true]);
  assert.equal((await asked('')).addresses['10.0.0.1'], before['10.0.0.1']);
});

await check('hostile hosts: a good document beside them is let in', async () => {
  const response = await people[0].open(authorizationUrl('https://app.example/client.json'));
  assert.equal(response.status, 200);
  assert.match(await response.text(), /action="\/consent"/);
});
finish();
