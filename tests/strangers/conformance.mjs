// The official conformance suite's judgement of an authorization server: `conformance authorization`.
// It prints an authorization URL, waits for the callback and writes what it found to a directory.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { check, finish, required } from './support/checks.mjs';
import { freePort } from './support/free_port.mjs';
import { Person } from './support/person.mjs';

const issuer = required('DEMO_ISSUER');
const suite = fileURLToPath(new URL('node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url));

/** A public client: the suite authenticates with `none` wherever the metadata offers it, even when it has a secret. */
async function register(redirectUri) {
  const response = await fetch(`${issuer}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'Conformance suite', redirect_uris: [redirectUri], token_endpoint_auth_method: 'none',
    }),
  });
  assert.equal(response.status, 201, await response.clone().text());
  return (await response.json()).client_id;
}

async function run(directory) {
  const port = await freePort();
  const clientId = await register(`http://127.0.0.1:${port}/callback`);
  const options = ['--url', issuer, '--client-id', clientId, '--port', port, '--output-dir', directory];
  const child = spawn(process.execPath, [suite, 'authorization', ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => child.on('close', resolve));
  child.stderr.pipe(process.stderr);
  const transcript = [];
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      transcript.push(line);
      if (line.startsWith(`${issuer}/authorize?`)) await fetch(await new Person().authorize(line));
    }
  } finally {
    child.kill();
  }
  return { code: await ended, transcript: transcript.slice(-8).join(' | ') };
}

/** Every check of every scenario, by its id. */
async function results(directory) {
  const found = new Map();
  for (const scenario of await readdir(directory)) {
    const checks = JSON.parse(await readFile(path.join(directory, scenario, 'checks.json'), 'utf8'));
    for (const result of checks) found.set(result.id, result);
  }
  return found;
}

const directory = await mkdtemp(path.join(tmpdir(), 'keyward-conformance-'));
try {
  let found = new Map();
  await check('conformance: the suite runs to its end and no check fails or is skipped', async () => {
    const { code, transcript } = await run(directory);
    found = await results(directory);
    assert.equal(code, 0, transcript);
    for (const { id, status, errorMessage } of found.values()) {
      if (status === 'WARNING') console.log(`# conformance warns, ${id}: ${errorMessage}`);
      assert.ok(status === 'SUCCESS' || status === 'WARNING', `${id} is ${status}: ${errorMessage}`);
    }
  });
  for (const id of ['authorization-server-metadata', 'authorization-server-metadata-cimd', 'authorization-code-grant']) {
    await check(`conformance: ${id}`, () => {
      const result = found.get(id);
      assert.equal(result?.status, 'SUCCESS', result?.errorMessage);
    });
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
finish();
