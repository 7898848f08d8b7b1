// What must be true of a message that came through: every reader sees what the guard judged, and nothing it would have
// refused.
import { isDeepStrictEqual } from 'node:util';
import { all, header } from './wire.mjs';

export const RULES = `
[[surface.rule]]
tool = "write_note"
parameter = "key"
required = true
pattern = "[a-z]{1,20}"

[[surface.rule]]
tool = "write_note"
parameter = "content"
max_length = 10

[[surface.rule]]
tool = "write_note"
parameter = "confirm"
equals = true

[[surface.rule]]
tool = "write_note"
blocked_substrings = ["drop table"]
`;

const OPEN = ['initialize', 'notifications/initialized', 'ping', 'server/discover'];
const HEADERS = [
  'host', 'accept', 'accept-encoding', 'accept-language', 'content-type', 'content-length', 'last-event-id',
  'user-agent', 'traceparent', 'tracestate', 'baggage', 'x-request-id', 'x-auth-subject', 'x-auth-client-id',
  'x-auth-scope', 'x-auth-issuer',
];

/** The names of what is wrong; none if nothing is. `views` are those of all readers. */
export function faults(message, arrived, views) {
  if (views instanceof Error) return [views.message];
  return [...ofTheHead(arrived), ...ofTheBody(message, arrived), ...ofTheViews(message, arrived, views)];
}

function* ofTheHead(arrived) {
  for (const [name] of arrived.headers) {
    if (!HEADERS.includes(name) && !/^mcp-[a-z-]+$/.test(name)) yield `a header ${name}`;
    if (all(arrived, name).length > 1) yield `two headers ${name}`;
  }
  if (header(arrived, 'accept-encoding') !== 'identity') yield 'an answer that the guard does not read';
  if (Number(header(arrived, 'content-length') ?? 0) !== arrived.body.length) yield 'a length that is not its own';
  if (arrived.body.length > 0 && header(arrived, 'content-type') !== 'application/json') yield 'another type than JSON';
}

function* ofTheBody({ verb, body }, arrived) {
  if (arrived.first !== `${verb} /mcp HTTP/1.1`) yield 'another request line';
  const sent = verb === 'POST' ? body : Buffer.alloc(0);
  if (!sent.equals(arrived.body)) yield 'other bytes than were sent';
}

function* ofTheViews({ token }, arrived, views) {
  const told = header(arrived, 'mcp-method');
  const methods = distinct(views.map(({ method }) => method));
  if (methods.length > 1) yield 'two methods';
  if (told !== undefined && methods.some((method) => method !== told)) yield 'another method than the guard told';
  for (const method of methods) {
    if (token === 'none' && !OPEN.includes(method)) yield 'a method without a scope';
  }
  const calls = views.filter(({ method }) => method === 'tools/call');
  const tools = distinct(calls.map(({ name }) => name));
  if (tools.length > 1) yield 'two tools';
  const named = decoded(header(arrived, 'mcp-name'));
  if (named !== undefined && tools.some((tool) => tool !== named)) yield 'another tool than the guard told';
  if (tools.some((tool) => loosely(tool) === 'deletenote')) yield 'a tool above the scopes';
  const ruled = calls.filter(({ name }) => name === 'write_note').map((call) => call.arguments);
  if (distinct(ruled.map(judged)).length > 1) yield 'two sets of ruled arguments';
  for (const given of ruled) yield* broken(given);
}

/** Those that are something, each once. */
function distinct(values) {
  const first = (one) => values.findIndex((other) => isDeepStrictEqual(one, other));
  return values.filter((one, at) => one !== null && one !== undefined && first(one) === at);
}

/** As somebody reads it who does not look closely. */
const loosely = (name) => `${name}`.normalize('NFKD').replace(/[^\p{L}\p{N}]/gu, '').toLowerCase();
const judged = (given) => ({ key: given?.key, content: given?.content, confirm: given?.confirm });

function* broken(given) {
  const { key, content, confirm } = judged(given);
  if (typeof key !== 'string' || !/^[a-z]{1,20}$/.test(key)) yield 'an argument against the pattern';
  const short = typeof content === 'string' && [...content].length <= 10;
  if (content !== undefined && !short) yield 'an argument that is too long';
  if (confirm !== undefined && confirm !== true) yield 'an argument that is not the one required';
  if (texts(given).some((text) => text.toLowerCase().includes('drop table'))) yield 'a text that is blocked';
}

function texts(value) {
  if (typeof value === 'string') return [value];
  return value && typeof value === 'object' ? [...Object.keys(value), ...Object.values(value).flatMap(texts)] : [];
}

function decoded(name) {
  const [, encoded] = /^=\?base64\?(.*)\?=$/.exec(name ?? '') ?? [];
  return encoded === undefined ? name : Buffer.from(encoded, 'base64').toString();
}
