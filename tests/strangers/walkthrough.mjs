// docs/walkthrough.md, line by line: what is typed in it is run against a fresh demo, and what is printed is what it shows.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { check, finish, required } from './support/checks.mjs';
import { Person } from './support/person.mjs';
import { home, issuer, resource } from './support/terminal.mjs';

const binary = required('MCP_AUTH_BINARY');
const page = await readFile(new URL('../../docs/walkthrough.md', import.meta.url), 'utf8');
const person = new Person();

/** The demo of the page, and the one that is there. */
const here = (text) => text
  .replaceAll('http://127.0.0.1:8990', new URL(resource).origin)
  .replaceAll('http://127.0.0.1:8999', issuer);

/** The commands of all terminals in order, each with the lines shown after it. */
function* commands() {
  for (const [, terminal] of page.matchAll(/```console\n(.*?)```/gs)) {
    for (const [first, ...shown] of terminal.split(/^\$ /m).slice(1).map((part) => part.trimEnd().split('\n'))) {
      yield { command: here(first), shown: shown.map(here) };
    }
  }
}

/** A line of nothing but `…` is any lines, `…` within a line any text. */
function pattern(shown) {
  const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const lines = shown.map((line) => (line === '…' ? '(?:.*\\n)*?' : `${line.split('…').map(escaped).join('.*?')}\\n`));
  return new RegExp(`^${lines.join('')}$`);
}

/** Runs it as a shell does; a person does what a printed address asks for. */
async function run(command) {
  const env = { ...process.env, MCP_AUTH_CLI_HOME: home, PATH: `${path.dirname(binary)}:${process.env.PATH}` };
  const child = spawn('sh', ['-c', command], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [printed, complained, visited] = ['', '', false];
  child.stderr.on('data', (chunk) => { complained += chunk; });
  child.stdout.on('data', (chunk) => {
    printed += chunk;
    const [address] = printed.match(/http:\S+\/(?:authorize|device)\?\S+(?=\n)/) ?? [];
    if (!address || visited) return;
    visited = true;
    const comes = address.includes('/authorize?')
      ? person.authorize(address).then((callback) => fetch(callback))
      : person.letIn(address);
    comes.catch(() => child.kill());
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  assert.equal(code, 0, complained);
  return printed;
}

for (const { command, shown } of commands()) {
  await check(`walk-through: ${command.replaceAll(/http:\/\/127\.0\.0\.1:\d+/g, '')}`, async () => {
    const printed = await run(command);
    assert.match(printed, pattern(shown), printed);
  });
}
await rm(home, { recursive: true, force: true });
finish();
