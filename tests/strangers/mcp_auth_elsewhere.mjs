// `mcp-auth` at a server nobody here wrote: the TypeScript SDK's own example of an MCP server with its authorization
// server. It can be used in spite of its faults, and the doctor names exactly those; each was confirmed by hand.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { check, finish, required } from './support/checks.mjs';
import { freePort } from './support/free_port.mjs';

const binary = required('MCP_AUTH_BINARY');
const home = await mkdtemp(path.join(tmpdir(), 'mcp-auth-elsewhere-'));
const [mcp, authorization] = [await freePort(), await freePort()];
const url = `http://localhost:${mcp}/mcp`;
const example = '@modelcontextprotocol/sdk/dist/esm/examples/server/simpleStreamableHttp.js';
const server = spawn(
  process.execPath,
  [fileURLToPath(new URL(`node_modules/${example}`, import.meta.url)), '--oauth'],
  { env: { ...process.env, MCP_PORT: `${mcp}`, MCP_AUTH_PORT: `${authorization}` }, stdio: ['ignore', 'pipe', 'ignore'] },
);
process.on('exit', () => server.kill());

/** One run; its JSON, whatever its exit code. */
async function run(verb, ...options) {
  const args = [verb, url, ...options, '--json', '--profile-home', home];
  const { stdout } = await promisify(execFile)(binary, args).catch((failure) => failure);
  return JSON.parse(stdout);
}

/** Both of its servers say when they listen; it goes on talking, and would die if nobody read on. */
const listening = new Promise((resolve, reject) => {
  let said = '';
  server.stdout.on('data', (chunk) => {
    said += chunk;
    if (said.includes(`port ${mcp}`) && said.includes(`port ${authorization}`)) resolve();
  });
  server.on('close', () => reject(new Error('the example did not start')));
});

const named = (sentence) => `mcp-auth at the TypeScript SDK's example: ${sentence}`;
try {
  await listening;
  await check(named('the doctor names its faults and nothing else'), async () => {
    const { findings } = await run('doctor', '--trial-registration');
    assert.deepEqual(findings.map(({ id }) => id), [
      // error="invalid_token" without any token.
      'challenge-no-error',
      // 500: its verifier throws whatever is no error of OAuth.
      'unknown-token-401',
      'cimd',
      'iss-parameter',
      // "Unregistered redirect_uri" for another port, native or not.
      'loopback-port',
    ]);
  });
  await check(named('signs in and lists its tools'), async () => {
    const { scope } = await run('login', '--auth-mode', 'auth-code', '--browser', 'follow');
    assert.equal(scope, 'mcp:tools');
    const { tools, error } = await run('tools');
    assert.equal(error, undefined);
    assert.ok(tools.some(({ name }) => name === 'greet'));
  });
} finally {
  await rm(home, { recursive: true, force: true });
}
finish();
