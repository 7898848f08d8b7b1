// README and docs, followed to the letter: each command in them is run as it stands there, at a terminal, and prints
// what is shown; requests are answered as shown; commands and options that sentences name exist. In the private
// internet, where the ports are free and the names of the examples lead here.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { check, finish } from './support/checks.mjs';
import { assertShown, isRequest, send } from './support/newcomer/exchange.mjs';
import { commands, named, pages, pattern } from './support/newcomer/pages.mjs';
import { Terminal } from './support/newcomer/terminal.mjs';
import { Person } from './support/person.mjs';

/** Commands that somebody else judges, each with who that is. */
const elsewhere = {
  'npx @modelcontextprotocol/inspector': 'tests/browser runs the Inspector',
  'claude mcp': 'needs an account',
  'codex mcp': 'needs an account',
  'keyward-resource-server stdio': 'an MCP client starts it, and resource-server/tests does',
  pg_dump: 'the newcomer has SQLite; it is PostgreSQL\'s own command',
  './scripts/test': 'this is part of it',
};

/** Programs that run until they are stopped. */
const LASTING = /(?:\bdemo|\bserve\b.*|(?:--|-server) guard\b[^]*|--package keyward-resource-server)$/;

/** Languages of what is read and not typed. */
const READ = new Set(['text', 'http', 'json', 'toml', 'ini', 'nginx', 'rust', 'python', 'js']);

/** A block of our own settings, as others name their file. */
const SETTINGS = 'toml keyward.toml';

const person = new Person();

async function visit(address) {
  const url = new URL(address);
  if (url.pathname.endsWith('/device')) return person.letIn(address);
  if (url.pathname.endsWith('/authorize')) return fetch(await person.authorize(address));
  return new Person({ username: 'root', password: 'correct horse battery staple' }).setUp(address);
}

const unused = new Set(Object.keys(elsewhere));

/** What the last request of a page was answered. */
let answered;

async function follow(terminal, { language, file, lines }) {
  if (file) await terminal.write(file, lines);
  if (language === 'http') await converse(lines);
  if (language !== 'console') return;
  for (const { command, shown } of commands({ lines })) {
    const other = Object.keys(elsewhere).find((start) => command.startsWith(start));
    if (other) unused.delete(other);
    else await type(terminal, command, shown);
  }
}

async function converse(lines) {
  await check(`newcomer: ${lines[0]}`, async () => {
    if (isRequest(lines)) answered = await send(lines);
    else assertShown(answered, lines);
  });
}

async function type(terminal, command, shown) {
  const lasts = LASTING.test(command);
  const wanted = { lines: shown, pattern: new RegExp(`^${pattern(shown)}${lasts ? '' : '$'}`) };
  await check(`newcomer: ${command.replace(/\s+/g, ' ')}`, async () => {
    const { printed, code } = await terminal.run(command, { shown: wanted, lasts });
    assert.match(printed, wanted.pattern, printed);
    // A refusal that is shown is what was meant.
    if (!lasts) assert.equal(code === 0, !/^mcp-auth: /m.test(shown.join('\n')), `exit code ${code}`);
  });
}

/** A piece of a file may leave out what the reader has elsewhere, but names nothing that is no setting. */
async function areSettings(terminal, lines) {
  await terminal.write('piece.toml', lines);
  const env = { ...terminal.environment, KEYWARD__ISSUER: 'https://auth.example.com' };
  const where = { env, cwd: terminal.folder };
  const checked = promisify(execFile)('keyward', ['check', '--json', '--config', 'piece.toml'], where);
  const { errors = [] } = JSON.parse((await checked.catch((error) => error)).stdout);
  assert.deepEqual(errors.map(({ message }) => message).filter((message) => !/ is not set|at least/.test(message)), []);
}

/** `keyward keys rotate --help` says that there is such a command, and which options it has. */
async function exists(terminal, words) {
  const [program, ...rest] = words.split(' ');
  const end = rest.findIndex((word) => !/^[a-z-]+$/.test(word) || word.startsWith('-'));
  const verbs = end < 0 ? rest : rest.slice(0, end);
  const asked = verbs[0] === 'help' ? verbs : [...verbs, '--help'];
  const { stdout } = await promisify(execFile)(program, asked, { env: terminal.environment });
  for (const [option] of rest.join(' ').matchAll(/--[a-z-]+/g)) {
    assert.ok(stdout.includes(option), `${program} ${verbs.join(' ')} has no ${option}`);
  }
}

for (const { name, text, blocks } of await pages()) {
  await check(`newcomer: ${name}: each block says whether it is typed or read`, async () => {
    const unknown = blocks.filter(({ language }) => language !== 'console' && !READ.has(language));
    assert.deepEqual(unknown.map(({ language, lines }) => [language, lines[0]]), []);
  });
  const terminal = await Terminal.open(visit);
  for (const { lines } of blocks.filter(({ language, file = 'keyward.toml' }) => `${language} ${file}` === SETTINGS)) {
    await check(`newcomer: ${name}: ${lines[0]} and what follows are settings`, () => areSettings(terminal, lines));
  }
  for (const block of blocks) await follow(terminal, block);
  for (const words of new Set(named(text))) {
    await check(`newcomer: ${name}: ${words} exists`, () => exists(terminal, words));
  }
  await terminal.close();
}
await check('newcomer: what is left to others is still in the pages', async () => assert.deepEqual([...unused], []));
finish();
