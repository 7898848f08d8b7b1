// The third program, `mcp-auth`, with a person behind it, against the demo: they share nothing but the wire.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { check, finish } from './support/checks.mjs';
import { Person } from './support/person.mjs';
import { call, edit, execute, home, issuer, login, resource, run } from './support/terminal.mjs';
import { assertScope } from './support/tokens.mjs';

const browser = ['--auth-mode', 'auth-code'];
const service = ['--client-id', 'dev-service-client', '--client-secret', 'dev-service-secret'];
const robot = ['--auth-mode', 'client-creds', ...service];
const named = (sentence) => `mcp-auth: ${sentence}`;
const person = new Person();
try {
  await check(named('discovers the authorization server, without a warning'), async () => {
    const found = await run('discover');
    assert.equal(found.authorization_server.document.issuer, issuer);
    assert.equal(found.resource_metadata.document.resource, resource);
    assert.deepEqual(found.warnings, []);
  });
  await check(named('doctor finds nothing, a trial registration included'), async () => {
    const report = await run('doctor', '--trial-registration');
    assert.deepEqual(report.findings, []);
    assert.ok(report.passed.length > 40, `${report.passed.length} checks`);
  });
  await check(named('signs in through the browser'), async () => {
    await login(person, ...browser, '--scope', 'mcp:read');
    assert.deepEqual(person.pages, ['login', 'consent']);
  });
  await check(named('lists tools and calls whoami'), async () => {
    const { tools } = await run('tools');
    assert.ok(tools.some(({ name }) => name === 'whoami'));
    const { structuredContent: whoami } = await call('whoami');
    assert.equal(whoami.identity, 'alice');
    assert.equal(whoami.audience ?? resource, resource);
  });
  await check(named('speaks the older revisions too'), async () => {
    const result = await run('call', 'tools/call', '--tool-name', 'whoami', '--protocol', 'legacy');
    assert.equal(result.structuredContent.identity, 'alice');
  });
  await check(named('names the scope a tool lacks, and has it after another login'), async () => {
    const { error } = await call('get_secret', { key: 'api_key' });
    assert.equal(error.code, 'insufficient_scope');
    const wanted = error.message.match(/--scope "([^"]+)"/)[1];
    assertScope(wanted, 'mcp:read', 'mcp:tools:write');
    await login(person, ...browser, '--scope', wanted);
    assert.equal((await call('get_secret', { key: 'api_key' })).structuredContent.key, 'api_key');
  });
  await check(named('twelve processes with an expired token refresh once, and all succeed'), async () => {
    const before = await edit((profile) => { profile.expires_at = 1; });
    const results = await Promise.all(Array.from({ length: 12 }, () => call('whoami')));
    for (const { structuredContent } of results) assert.equal(structuredContent.identity, 'alice');
    const after = await edit(() => {});
    assert.notEqual(after.refresh_token, before.refresh_token);
  });
  await check(named('doctor sees that parallel refreshes end no login'), async () => {
    const report = await run('doctor', '--trial-refresh');
    assert.deepEqual(report.findings, []);
    assert.ok(report.passed.includes('refresh-parallel'));
    assert.equal((await call('whoami')).structuredContent.identity, 'alice');
  });
  await check(named('holds tokens bound to a key'), async () => {
    await login(person, ...browser, '--scope', 'mcp:read', '--dpop');
    assert.equal((await call('whoami')).structuredContent.scheme, 'DPoP');
  });
  await check(named('signs in with a code on another device'), async () => {
    await login(person, '--auth-mode', 'device', '--scope', 'mcp:read');
    assert.equal((await call('whoami')).structuredContent.identity, 'alice');
  });
  await check(named('signs in as a robot, by the secret of its client'), async () => {
    await execute('login', resource, ...robot);
    assert.equal((await call('whoami')).structuredContent.subject, 'dev-service-client');
    assert.equal((await run('logout')).revoked, true);
    const { profiles } = JSON.parse(await execute('profile', 'list', '--json'));
    const { profile_id: id } = profiles.find(({ auth_mode: mode }) => mode === 'auth-code');
    await execute('profile', 'use', id, resource);
  });
  await check(named('logs out: the tokens are revoked, the login is gone'), async () => {
    await login(person, ...browser, '--scope', 'mcp:read');
    const { refresh_token: dead, client_id: client } = await edit(() => {});
    assert.equal((await run('logout')).revoked, true);
    const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: dead, client_id: client });
    const refused = await (await fetch(`${issuer}/token`, { method: 'POST', body })).json();
    assert.ok(refused.error, 'the refresh token still works');
    assert.equal((await run('tools')).error.http_status, 401);
  });
} finally {
  await rm(home, { recursive: true, force: true });
}
finish();
