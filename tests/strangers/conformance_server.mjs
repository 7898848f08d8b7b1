// The official conformance suite's judgement of an MCP server, `conformance server`, behind a proxy that adds a token.
// The server has the suite's diagnostic tools, and is to clients and tokens what the demo's server is.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { check, finish, required } from './support/checks.mjs';
import { freePort } from './support/free_port.mjs';
import { start } from './support/programs.mjs';
import { serviceToken } from './support/surfaces.mjs';
import { startProxy } from './support/token_adding_proxy.mjs';

const resource = required('DEMO_RESOURCE');
const issuer = required('DEMO_ISSUER');
const binary = required('KEYWARD_GUARD_BINARY');
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const suite = here('node_modules/@modelcontextprotocol/conformance/dist/index.js');
const runs = [
  ['server-stateless', '2026-07-28'],
  ['tools-list', '2026-07-28'],
  ['dns-rebinding-protection', '2026-07-28'],
  ['tools-list', '2025-11-25'],
  ['server-initialize', '2025-11-25'],
  ['ping', '2025-11-25'],
  ['dns-rebinding-protection', '2025-11-25'],
];

/** Runs one scenario; all it checked, and its exit code. */
async function run(url, scenario, revision, directory) {
  const options = ['--url', url, '--scenario', scenario, '--spec-version', revision, '--output-dir', directory];
  const child = spawn(process.execPath, [suite, 'server', ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => { said += data; });
  const code = await new Promise((resolve) => child.on('close', resolve));
  const files = await readdir(directory, { recursive: true });
  const written = files.find((name) => path.basename(name) === 'checks.json');
  assert.ok(written, said.slice(-800));
  return { code, said, checks: JSON.parse(await readFile(path.join(directory, written), 'utf8')) };
}

const port = await freePort();
await start(port, binary, [
  '--config', here('support/conformance.toml'), '--issuer', issuer, '--origin', new URL(resource).origin,
  '--listen', `127.0.0.1:${port}`,
]);
const proxy = await startProxy(`http://127.0.0.1:${port}${new URL(resource).pathname}`, await serviceToken(resource));
for (const [scenario, revision] of runs) {
  const directory = await mkdtemp(path.join(tmpdir(), 'keyward-conformance-'));
  await check(`conformance server ${revision}: ${scenario}`, async () => {
    const { code, said, checks } = await run(proxy.url, scenario, revision, directory);
    const rest = checks.filter(({ status }) => !['SUCCESS', 'INFO'].includes(status));
    for (const { id, status, errorMessage, details } of rest) {
      console.log(`# ${scenario}, ${id} is ${status}: ${errorMessage ?? JSON.stringify(details)}`);
    }
    // The suite skips what a server does not declare.
    const faults = rest.filter(({ status }) => status !== 'SKIPPED');
    assert.equal(faults.length, 0, faults.map((found) => `${found.id}: ${found.errorMessage}`).join('; '));
    assert.ok(checks.some(({ status }) => status === 'SUCCESS'), 'nothing was checked');
    assert.equal(code, 0, said.slice(-800));
  });
  await rm(directory, { recursive: true, force: true });
}
proxy.stop();
finish();
