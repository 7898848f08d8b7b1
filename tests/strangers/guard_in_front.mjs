// Somebody else's MCP servers behind the guard, over both transports, and somebody else's client in front of it.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { check, finish } from './support/checks.mjs';
import { guarded } from './support/guarded.mjs';
import { signedIn } from './support/signed_in.mjs';
import { claims } from './support/tokens.mjs';

const named = ({ title }, sentence) => `${title} behind the guard: ${sentence}`;
const text = ({ isError, content }) => assert.ok(!isError, JSON.stringify(content)) ?? content[0].text;

for (const name of ['everything', 'everything_sse']) {
  const server = await guarded(name);
  await sendsStrangersAway(server);
  await check(named(server, 'the TypeScript client v2 calls tools, and not those above its scopes'), async () => {
    const { client } = await signedIn(server);
    const names = (await client.listTools()).tools.map((tool) => tool.name);
    assert.ok(names.includes('echo'), `no echo among ${names}`);
    assert.ok(!names.includes('get-env'), 'get-env is listed');
    assert.equal(text(await client.callTool({ name: 'echo', arguments: { message: 'grüße' } })), 'Echo: grüße');
    let steps = 0;
    const onprogress = () => { steps += 1; };
    const long = { name: 'trigger-long-running-operation', arguments: { duration: 1, steps: 4 } };
    await client.callTool(long, { onprogress });
    assert.ok(steps > 0, 'no progress came through');
    await assert.rejects(client.callTool({ name: 'get-env', arguments: {} }));
    await client.close();
  });
}

for (const name of ['fastmcp', 'fastmcp_json']) {
  const server = await guarded(name);
  await sendsStrangersAway(server);
  await check(named(server, 'it learns who calls, from nobody but the guard, and never sees the token'), async () => {
    const { client, tokens } = await signedIn(server, { 'x-auth-subject': 'root', 'x-auth-roles': 'root' });
    const { structuredContent: seen } = await client.callTool({ name: 'headers', arguments: {} });
    const { iss, sub, client_id: clientId, scope } = claims(tokens.access_token);
    assert.equal(seen['x-auth-issuer'], iss);
    assert.equal(seen['x-auth-subject'], sub);
    assert.equal(seen['x-auth-username'], 'alice');
    assert.equal(seen['x-auth-client-id'], clientId);
    assert.equal(seen['x-auth-scope'], scope);
    const all = JSON.stringify(seen);
    assert.ok(!all.includes(tokens.access_token) && !all.includes('root') && !('authorization' in seen), all);
    await client.close();
  });
  await check(named(server, 'an answer of 64 MiB comes through as it was sent'), async () => {
    const { client } = await signedIn(server);
    const bytes = 64 * 1024 * 1024;
    const answer = text(await client.callTool({ name: 'digits', arguments: { mebibytes: 64 } }, { timeout: 120_000 }));
    const made = createHash('shake128', { outputLength: bytes / 2 }).update('keyward').digest('hex');
    const digest = (digits) => createHash('sha256').update(digits).digest('hex');
    assert.equal(answer.length, bytes);
    assert.equal(digest(answer), digest(made));
    await client.close();
  });
}
finish();

async function sendsStrangersAway(server) {
  await check(named(server, 'a client without a token is sent to the authorization server'), async () => {
    const response = await fetch(server.url, { method: server.sse ? 'GET' : 'POST' });
    assert.equal(response.status, 401);
    assert.match(response.headers.get('www-authenticate'), /resource_metadata="/);
  });
}
