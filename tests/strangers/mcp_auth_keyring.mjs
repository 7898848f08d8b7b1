// `mcp-auth login --keyring` with a real keyring behind it: the Secret Service that scripts/lib/keyring.sh starts.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { check, finish } from './support/checks.mjs';
import { Person } from './support/person.mjs';
import { call, edit, execute, home, issuer, login, resource, run, store, stored } from './support/terminal.mjs';

/** The token endpoint, behind something that counts. */
async function counted() {
  let requests = 0;
  const server = createServer(async (request, response) => {
    requests += 1;
    const body = Buffer.concat(await request.toArray());
    const headers = { 'content-type': request.headers['content-type'] };
    const answer = await fetch(`${issuer}/token`, { method: 'POST', headers, body });
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(Buffer.from(await answer.arrayBuffer()));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, requests: () => requests };
}

const named = (sentence) => `mcp-auth with a keyring: ${sentence}`;
const secrets = ['access_token', 'refresh_token', 'client_secret'];
const token = () => execute('token', resource);
try {
  await check(named('what lies in the file is sealed'), async () => {
    await login(new Person(), '--auth-mode', 'auth-code', '--scope', 'mcp:read', '--keyring');
    const text = await stored();
    assert.ok(!text.includes((await token()).trim()));
    const { profiles: [profile], extra } = JSON.parse(text);
    for (const name of secrets) assert.equal(profile[name], null);
    assert.ok(extra[profile.profile_id].sealed.length > 100);
    assert.equal((await call('whoami')).structuredContent.identity, 'alice');
  });
  await check(named('forty processes with an expired token refresh once, and all have the new one'), async () => {
    const { url, requests } = await counted();
    const before = await token();
    await edit((profile) => { profile.expires_at = 1; profile.token_endpoint = url; });
    const after = new Set(await Promise.all(Array.from({ length: 40 }, token)));
    assert.deepEqual([after.size, after.has(before), requests()], [1, false, 1]);
    const { refresh_token: refresh } = await edit(() => {});
    assert.equal(refresh, null);
  });
  await check(named('tokens bound to a key: the key is sealed as well'), async () => {
    await login(new Person(), '--auth-mode', 'auth-code', '--scope', 'mcp:read', '--dpop');
    assert.ok(!(await stored()).includes('PRIVATE KEY'), 'a later login without the flag stays in the keyring');
    assert.equal((await call('whoami')).structuredContent.scheme, 'DPoP');
  });
  await check(named('after a logout no copy of the file is of any use'), async () => {
    const copy = await stored();
    assert.equal((await run('logout')).revoked, true);
    await store(copy);
    const { error } = await run('tools');
    assert.equal(error.code, 'login_required');
    assert.match(error.message, /keyring no longer has the key/);
  });
} finally {
  await rm(home, { recursive: true, force: true });
}
finish();
