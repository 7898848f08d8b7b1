// Random and changed messages through the guard to readers of four kinds behind it, which must all see what the guard
// judged: its methods, its tools, its ruled arguments, and the digits as they were sent.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { check, finish, required } from './support/checks.mjs';
import { freePort } from './support/free_port.mjs';
import { start } from './support/programs.mjs';
import { fanOut, readers } from './readers/fan_out.mjs';
import { Faults } from './readers/faults.mjs';
import { Issuer } from './readers/issuer.mjs';
import { RULES, faults } from './readers/judgement.mjs';
import { TOKENS, messageOf, opening } from './readers/message.mjs';
import { Wire, header } from './readers/wire.mjs';

const seed = Number(process.env.READERS_SEED ?? randomInt(2 ** 31));
const most = Number(process.env.READERS_MESSAGES ?? 20_000);
// These alone, of that seed.
const only = process.env.READERS_ONLY?.split(',').map(Number);
const AT_ONCE = 12;
const REFUSALS = ['200', '204', '400', '403', '404', '405', '411', '413', '415', '501'];

const seeds = readFileSync(new URL('readers/corpus.jsonl', import.meta.url), 'utf8').trim().split('\n');
const corpus = seeds.map((line) => JSON.parse(line));
const numbers = (only ?? Array(most).keys())[Symbol.iterator]();
/** Those under way, by number. */
const sent = new Map();
const found = new Faults();
const counts = { through: 0, refused: 0 };

/** What the server behind answers. */
function judge(arrived, views) {
  const message = sent.get(Number(header(arrived, 'user-agent')?.split('/')[1]));
  if (!message) {
    found.add('a request that nobody sent', { body: arrived.bytes });
    return answer(400);
  }
  message.arrived = true;
  for (const what of faults(message, arrived, views)) found.add(what, message, views);
  if (message.opens) return answer(200, [`mcp-session-id: ${message.number}`]);
  if (message.verb !== 'POST') return answer(405);
  return header(arrived, 'mcp-session-id') === undefined ? answer(200) : answer(200, [], QUESTIONS);
}

/** In a session the server asks, so that the guard expects answers. */
const QUESTIONS = [1, 0, 2, -5, '"a"']
  .map((id) => `data: {"jsonrpc":"2.0","id":${id},"method":"roots/list"}\n\n`).join('');

function answer(status, more = [], body = '{"jsonrpc":"2.0","id":1,"result":{}}') {
  const type = body === QUESTIONS ? 'text/event-stream' : 'application/json';
  const lines = [`HTTP/1.1 ${status} .`, `content-type: ${type}`, `content-length: ${body.length}`, ...more];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** One message after the other, on one connection as long as it lasts; with each token in a session of its own. */
async function drive(port, bearers, at) {
  let wire = null;
  const as = Object.fromEntries(TOKENS.map((token) => [token, { bearer: bearers[token] }]));
  const send = async (message) => {
    if (!wire?.open) wire = Wire.to(port, `127.0.0.${at + 2}`);
    sent.set(message.number, message);
    wire.socket.write(message.bytes(port, as[message.token]));
    const response = await wire.read();
    sent.delete(message.number);
    counts[message.arrived ? 'through' : 'refused'] += 1;
    if (!message.arrived) refused(message, response);
    if (message.last || response === null || header(response, 'connection') === 'close') wire.close();
    return response;
  };
  for (const [which, token] of TOKENS.entries()) {
    const opened = await send(opening(most + TOKENS.length * at + which, token));
    as[token].session = opened && header(opened, 'mcp-session-id');
  }
  for (const number of numbers) await send(messageOf(number, seed, corpus));
  wire?.close();
}

function refused(message, response) {
  const status = response?.first.split(' ')[1];
  const said = `${status} ${response?.body}`;
  if (message.plain) found.add('a plain message is refused', message, said);
  else if (!REFUSALS.includes(status) && !(message.last && !response)) found.add('an odd answer', message, said);
}

console.log(`READERS_SEED=${seed} READERS_MESSAGES=${most}`);
const folder = mkdtempSync(path.join(tmpdir(), 'keyward-readers-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const issuer = new Issuer();
await issuer.listen();
const upstream = await fanOut(await readers(folder), judge);
const port = await freePort();
const settings = path.join(folder, 'guard.toml');
writeFileSync(settings, `
listen = "127.0.0.1:${port}"
issuer = "${issuer.url}"

[[surface]]
id = "guard"
kind = "oauth"
path = "/mcp"
upstream = "http://127.0.0.1:${upstream}/mcp"
tool_scopes = { delete_note = "mcp:tools:admin" }
${RULES}`);
await start(port, required('KEYWARD_GUARD_BINARY'), ['--config', settings], { RUST_LOG: 'error' });
const [none, read] = ['', 'mcp:read'].map((scope) => issuer.token(`http://127.0.0.1:${port}/mcp`, scope));
const begun = Date.now();
await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => drive(port, { none, read }, at)));
console.log(`${JSON.stringify(counts)}, ${Math.round((Date.now() - begun) / 1000)} s`);

await check('readers: whatever a reader behind the guard sees is what the guard judged', () => found.none());
await check('readers: enough messages came through, and enough were refused, to say so', () => {
  assert.ok(only || Math.min(counts.through, counts.refused) > most / 4, JSON.stringify(counts));
});
finish();
