// Somebody else's MCP server (npm `@modelcontextprotocol/server-everything`), which has no authorization, behind the
// guard; and somebody else's client in front of it.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { check, finish, required } from './support/checks.mjs';
import { freePort } from './support/free_port.mjs';
import { start } from './support/programs.mjs';
import { serviceToken } from './support/surfaces.mjs';

const resource = required('KEYWARD_RESOURCE');
const issuer = required('KEYWARD_ISSUER');
const binary = required('KEYWARD_GUARD_BINARY');

const everything = fileURLToPath(new URL('node_modules/.bin/mcp-server-everything', import.meta.url));
const [behind, front] = [await freePort(), await freePort()];
await start(behind, process.execPath, [everything, 'streamableHttp'], { PORT: `${behind}` });
const tool = (name, scope) => ['--tool', `${name}=${scope}`];
await start(front, binary, [
  'guard', '--upstream', `http://127.0.0.1:${behind}/mcp`, '--issuer', issuer, '--resource', resource,
  '--listen', `127.0.0.1:${front}`, ...tool('get-env', 'mcp:tools:admin'),
]);
const place = new URL(new URL(resource).pathname, `http://127.0.0.1:${front}`);

const named = (sentence) => `server-everything behind the guard: ${sentence}`;

await check(named('a client without a token is sent to the authorization server'), async () => {
  const response = await fetch(place, { method: 'POST' });
  assert.equal(response.status, 401);
  assert.match(response.headers.get('www-authenticate'), /resource_metadata="/);
});

await check(named('the TypeScript client v2 calls tools, and not those above its scopes'), async () => {
  const headers = { Authorization: `Bearer ${await serviceToken(resource)}` };
  const transport = new StreamableHTTPClientTransport(place, { requestInit: { headers } });
  const client = new Client({ name: 'keyward-strangers', version: '1.0.0' }, { versionNegotiation: { mode: 'auto' } });
  await client.connect(transport);
  const names = (await client.listTools()).tools.map(({ name }) => name);
  assert.ok(names.includes('echo'), `no echo among ${names}`);
  assert.ok(!names.includes('get-env'), 'get-env is listed');
  const { content } = await client.callTool({ name: 'echo', arguments: { message: 'grüße' } });
  assert.equal(content[0].text, 'Echo: grüße');
  let steps = 0;
  const onprogress = () => { steps += 1; };
  const long = { name: 'trigger-long-running-operation', arguments: { duration: 1, steps: 4 } };
  await client.callTool(long, { onprogress });
  assert.ok(steps > 0, 'no progress came through');
  await assert.rejects(client.callTool({ name: 'get-env', arguments: {} }));
  await client.close();
});

finish();
