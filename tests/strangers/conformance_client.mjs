// The official conformance suite's judgement of `mcp-auth` as a client: every suite, and every scenario of a revision.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { check, finish, required } from './support/checks.mjs';

required('MCP_AUTH_BINARY');
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const suite = here('node_modules/@modelcontextprotocol/conformance/dist/index.js');
const command = `${process.execPath} ${here('support/mcp_auth_as_client.mjs')}`;

const runs = [
  ['--suite', 'auth'],
  ['--suite', 'extensions'],
  ['--suite', 'backcompat'],
  ['--requirements', '2026-07-28'],
  ['--requirements', '2025-11-25'],
];

/** Runs the suite; its exit code and all it said. */
async function run(options, directory) {
  const args = [suite, 'client', '--command', command, ...options, '--output-dir', directory, '--timeout', '60000'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => { said += data; });
  const code = await new Promise((resolve) => child.on('close', resolve));
  return { code, said };
}

/** The last words of the client in a scenario that failed. */
async function complaint(directory, scenario) {
  const files = await readdir(directory, { recursive: true });
  const file = files.find((name) => name.startsWith(scenario) && name.endsWith('stderr.txt'));
  return file ? (await readFile(path.join(directory, file), 'utf8')).slice(-500) : 'and left nothing';
}

for (const options of runs) {
  const directory = await mkdtemp(path.join(tmpdir(), 'mcp-auth-conformance-'));
  const name = `conformance ${options.join(' ')}`;
  try {
    const { code, said } = await run(options, directory);
    const verdicts = [...said.matchAll(/^\s*([✓✗]) ([\w/-]+)(?:: (\d+) passed, (\d+) failed)?/gmu)];
    for (const [line, mark, scenario] of verdicts) {
      await check(`${name}: ${scenario}`, async () => {
        if (mark !== '✓') throw new Error(`${line.trim()} ${await complaint(directory, scenario)}`);
      });
    }
    await check(`${name}: all scenarios pass, without warnings`, () => {
      const [, passed, failed, warnings] = said.match(/^Total: (\d+) passed, (\d+) failed, (\d+) warnings/m) ?? [];
      assert.deepEqual({ code, failed, warnings }, { code: 0, failed: '0', warnings: '0' }, said.slice(-1500));
      assert.ok(Number(passed) > 0 && verdicts.length > 0, 'nothing was run');
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
finish();
