// `mcp-auth`, every verb on every surface of the demo, with nothing but the address and a person: at the browser, or at
// the terminal where a token, a password or a key is asked for. Then servers that the doctor has something to say of.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { check, finish } from './support/checks.mjs';
import { Person } from './support/person.mjs';
import { streamableHttp } from './support/surfaces.mjs';
import { execute, home, loginAt, runAt, typed, verbs } from './support/terminal.mjs';

/** What is typed where no browser helps, the mode that follows from the challenge, and a call that changes nothing. */
const surfaces = [
  { id: 'oauth', mode: 'device', call: ['whoami', {}], token: true },
  { id: 'client-credentials', mode: 'client-creds', call: ['get_inbox', {}], token: true },
  { id: 'device', mode: 'device', call: ['whoami', {}], token: true },
  { id: 'bearer-token', mode: 'bearer', types: ['test-bearer-token'], call: ['whoami', {}], token: true },
  { id: 'api-key', mode: 'bearer', types: ['test-api-key-12345'], call: ['get_trending_topics', {}], token: true },
  { id: 'basic', mode: 'basic', types: ['testuser', 'testpass123'], call: ['list_files', {}], token: true },
  {
    id: 'security-keys', mode: 'header', call: ['get_table_schema', { table_name: 'users' }],
    types: ['', 'ghp_test1234567890abcdefghijklmnopqrstuvwxyz'],
  },
  { id: 'no-auth', mode: 'none', call: ['get_memory_stats', {}] },
  { id: 'session', mode: 'none', call: ['authenticate_user', { username: 'testuser', password: 'TestPass123!' }] },
];

const person = new Person();
const all = [...(await execute('--help')).matchAll(/^  ([a-z]+) {2,}\S/gm)].map(([, verb]) => verb);
assert.ok(all.includes('doctor') && all.includes('help'), all.join(' '));

/** The command that a refusal names. */
async function recommended(url) {
  const { code, stderr } = await typed([], 'tools', url);
  assert.equal(code, 1, stderr);
  const [, command] = stderr.match(/Run: (mcp-auth login .*)$/m) ?? [];
  assert.ok(command, `no command in: ${stderr}`);
  return command;
}

async function signIn(url, { types }) {
  if (!types) return loginAt(url, person);
  const { code, stderr } = await typed(types, 'login', url);
  assert.equal(code, 0, stderr);
}

/** What is kept of an address, as the list of profiles has it: id, mode, address. */
async function listed(url) {
  const lines = (await execute('profile', 'list')).trim().split('\n').map((line) => line.split(' '));
  return lines.filter(([, , at]) => at === url);
}

for (const surface of surfaces) {
  verbs.length = 0;
  const { id, mode, call: [tool, args], token } = surface;
  const [url, open] = [streamableHttp(id), mode === 'none'];
  const named = (sentence) => `mcp-auth at ${id}: ${sentence}`;
  await check(named('discovers it without a warning, and which way in there is'), async () => {
    const found = await runAt(url, 'discover');
    assert.equal(found.error, undefined);
    assert.deepEqual(found.warnings, []);
    assert.ok(found.supported_auth_modes.includes(mode), found.supported_auth_modes.join(' '));
  });
  await check(named('the doctor finds nothing, and says where there is nothing to guard'), async () => {
    const report = await runAt(url, 'doctor');
    assert.deepEqual(report.findings, []);
    assert.equal(report.open, open);
  });
  if (!open) {
    await check(named('refused, it names a command that works'), async () => {
      const command = await recommended(url);
      if (surface.types) assert.match(command, /--(bearer-token|username|header) /);
      else assert.equal(command, `mcp-auth login ${url}`);
      assert.match((await typed([], 'status', url)).stderr, /nobody is signed in/);
    });
  }
  await check(named('signs in with nothing but the address'), async () => {
    await signIn(url, surface);
    const { profiles } = JSON.parse(await execute('profile', 'show', '--json'));
    const its = profiles.filter(({ resource_url: at }) => at === url);
    assert.deepEqual(its.map(({ auth_mode: kept }) => kept), open ? [] : [mode]);
    if (!open) await execute('profile', 'use', its[0].profile_id, url);
  });
  await check(named('says who, until when and that it is good'), async () => {
    const status = await runAt(url, 'status');
    if (open) assert.equal(status.open, true);
    else assert.deepEqual(status.logins.map(({ good }) => good), [true], JSON.stringify(status));
  });
  await check(named('is greeted and pinged, though the newest revision has neither'), async () => {
    assert.ok((await runAt(url, 'call', 'initialize')).serverInfo);
    assert.deepEqual(await runAt(url, 'call', 'ping'), {});
  });
  await check(named('lists tools, calls one and reads a resource'), async () => {
    const { tools } = await runAt(url, 'tools');
    assert.ok(tools.some(({ name }) => name === tool), JSON.stringify(tools));
    const called = await runAt(url, 'call', 'tools/call', '--tool-name', tool, '--tool-arguments', JSON.stringify(args));
    assert.ok(called.content?.length && !called.isError, JSON.stringify(called));
    const read = await runAt(url, 'read', 'surface://self');
    assert.ok(read.contents?.length, JSON.stringify(read));
  });
  await check(named('shows what the server thinks, and its token where there is one'), async () => {
    assert.ok(!(await runAt(url, 'debug', 'surfaces')).error);
    const answer = await runAt(url, 'token');
    assert.equal(typeof answer.access_token, token ? 'string' : 'undefined', JSON.stringify(Object.keys(answer)));
  });
  await check(named('signs in again without asking anybody, and out'), async () => {
    const again = await typed([], 'login', url);
    assert.equal(again.code, 0, again.stderr);
    const out = await runAt(url, 'logout');
    if (open) return assert.equal(out.error.code, 'no_profile');
    assert.equal(out.error, undefined, JSON.stringify(out));
    await recommended(url);
  });
  await check(named('forgets a login that was not logged out'), async () => {
    if (!open) await signIn(url, surface);
    for (const [id, kept] of await listed(url)) {
      assert.equal(kept, mode);
      await execute('profile', 'delete', id);
    }
    assert.deepEqual(await listed(url), []);
    if (!open) assert.match((await typed([], 'status', url)).stderr, /nobody is signed in/);
  });
  await check(named('every verb was tried'), async () => {
    assert.match(await execute('help', 'login'), /Sign in to an MCP server/);
    assert.deepEqual(all.filter((verb) => !verbs.includes(verb)), []);
  });
}

const named = (sentence) => `mcp-auth, the doctor: ${sentence}`;
const ids = ({ findings }) => findings.map(({ id }) => id);
await check(named('a server that speaks no TLS'), async () => {
  const url = streamableHttp('oauth').replace('http:', 'https:');
  assert.deepEqual(ids(await runAt(url, 'doctor')), ['https']);
  assert.match((await typed([], 'tools', url)).stderr, /speaks no TLS.*begin the address with http:\/\//);
});

const files = await mkdtemp(path.join(tmpdir(), 'mcp-auth-tls-'));
const [key, certificate] = ['key.pem', 'certificate.pem'].map((name) => path.join(files, name));
await check(named('a certificate of an authority that nobody knows, and one that is given'), async () => {
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', certificate];
  await promisify(execFile)('openssl', [...made, ...subject, '-addext', 'basicConstraints=critical,CA:FALSE']);
  const server = createServer({ key: await readFile(key), cert: await readFile(certificate) }, (request, response) => {
    response.writeHead(request.method === 'POST' ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: { tools: [] } }));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `https://localhost:${server.address().port}/mcp`;
  assert.deepEqual(ids(await runAt(url, 'doctor')), ['certificate']);
  assert.match((await typed([], 'tools', url)).stderr, /give that authority's certificate by --cacert FILE/);
  const trusted = await runAt(url, 'doctor', '--cacert', certificate);
  assert.deepEqual([ids(trusted), trusted.open], [[], true]);
  server.close();
});
await rm(files, { recursive: true, force: true });
await rm(home, { recursive: true, force: true });
finish();
