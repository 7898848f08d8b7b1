// `mcp-auth` as a person at a terminal uses it, with a home of its own.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { required } from './checks.mjs';

const binary = required('MCP_AUTH_BINARY');
export const resource = required('DEMO_RESOURCE');
export const issuer = required('DEMO_ISSUER');
export const home = await mkdtemp(path.join(tmpdir(), 'mcp-auth-demo-'));
const env = { ...process.env, MCP_AUTH_CLI_HOME: home };
const file = path.join(home, 'profiles.json');

/** The verbs of all runs so far. */
export const verbs = [];

/** One run; what it printed. */
export async function execute(...args) {
  verbs.push(args[0]);
  return (await promisify(execFile)(binary, args, { env })).stdout;
}

/** One run; its JSON, or the JSON of its failure. */
export async function runAt(url, verb, ...options) {
  try {
    return JSON.parse(await execute(verb, url, ...options, '--json'));
  } catch (error) {
    if (!error.stdout) throw error;
    return JSON.parse(error.stdout);
  }
}

export const run = (verb, ...options) => runAt(resource, verb, ...options);

/** One run with these lines typed; everything it left. */
export function typed(lines, ...args) {
  verbs.push(args[0]);
  const child = spawn(binary, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const left = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) child[name].on('data', (chunk) => { left[name] += chunk; });
  child.stdin.on('error', () => {});
  child.stdin.end(lines.map((line) => `${line}\n`).join(''));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...left })));
}

export const call = (name, args = {}) =>
  run('call', 'tools/call', '--tool-name', name, '--tool-arguments', JSON.stringify(args));

/** Signs in as a person does: reads the printed address, opens it, comes back to the listener. */
export const login = (person, ...options) => loginAt(resource, person, ...options);

export async function loginAt(url, person, ...options) {
  verbs.push('login');
  const args = ['login', url, '--browser', 'print', ...options];
  const child = spawn(binary, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.on('close', resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    const address = line.replace('Visit:', '').trim();
    const inBrowser = () => person.authorize(address).then((callback) => fetch(callback));
    if (address.startsWith(`${issuer}/authorize?`)) inBrowser().catch(() => child.kill());
    else if (address.startsWith(issuer)) person.letIn(address).catch(() => child.kill());
  }
  assert.equal(await ended, 0, 'login failed');
}

/** `profiles.json` as it lies on the disk. */
export const stored = () => readFile(file, 'utf8');
export const store = (text) => writeFile(file, text);

/** The first profile, changed by hand. */
export async function edit(change) {
  const profiles = JSON.parse(await stored());
  change(profiles.profiles[0]);
  await store(JSON.stringify(profiles));
  return profiles.profiles[0];
}
