// One request to the guard, by its number: a plain one, a seed of the corpus as it is, or either of them changed.
import { Dice } from './dice.mjs';
import { mutate } from './mutations.mjs';
import { initialize, plain } from './plain.mjs';
import { parse, written } from './tree.mjs';

export const TOKENS = ['none', 'read'];
const ORDINARY = [
  'application/json', 'application/json; charset=utf-8', 'Application/JSON;charset=UTF-8',
  'application/json;charset="utf-8"',
];

export class Message {
  verb = 'POST';
  names = [];
  headers = [['accept', 'application/json, text/event-stream']];
  /** May it not be refused? */
  plain = false;

  constructor(number, token, headers = []) {
    Object.assign(this, { number, token });
    this.type('application/json');
    for (const [name, value] of headers) {
      if (name === 'content-type') this.type(value); else this.add(name, value);
    }
  }

  add(name, value) {
    this.headers.push([name, value]);
  }

  type(value) {
    this.headers = this.headers.filter(([name]) => name !== 'content-type');
    this.add('content-type', value);
  }

  /** What goes over the wire. */
  bytes(port, { bearer, session }) {
    const lines = [
      `${this.verb} /mcp HTTP/1.1`, `host: 127.0.0.1:${port}`, `authorization: Bearer ${bearer}`,
      `user-agent: readers/${this.number}`, ...this.headers.map(([name, value]) => `${name}: ${value}`),
    ];
    if (this.inSession) lines.push(`mcp-session-id: ${session}`);
    const body = this.chunked || this.twoLengths ? pieces(this.body) : this.body;
    if (body !== this.body) lines.push('transfer-encoding: chunked');
    if (!this.chunked) lines.push(`content-length: ${body.length}`);
    return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body]);
  }

  /** Does the connection end with it? */
  get last() {
    return this.twoLengths === true;
  }
}

function pieces(body) {
  const half = body.length >> 1;
  const piece = (part) => [Buffer.from(`${part.length.toString(16)};x=y\r\n`), part, Buffer.from('\r\n')];
  const parts = [body.subarray(0, half), body.subarray(half)].filter((part) => part.length > 0);
  return Buffer.concat([...parts.flatMap(piece), Buffer.from('0\r\n\r\n')]);
}

/** The seeds come first, as they are, with each token. */
export function messageOf(number, seed, corpus) {
  const dice = new Dice(seed, number);
  if (number < corpus.length * TOKENS.length) {
    return planted(corpus[number >> 1], number, TOKENS[number & 1]);
  }
  const inSession = dice.once(2);
  const message = drawn(number, dice, corpus);
  message.inSession = inSession;
  return message;
}

/** The message that opens a session. */
export function opening(number, token) {
  const message = new Message(number, token);
  message.body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initialize }));
  message.plain = true;
  message.opens = true;
  return message;
}

function drawn(number, dice, corpus) {
  if (dice.once(3)) {
    const { token, headers, body } = plain(dice);
    const message = new Message(number, token, headers);
    message.body = Buffer.from(written(body));
    message.plain = true;
    message.type(dice.pick(ORDINARY));
    if (dice.once(4)) message.chunked = true;
    if (dice.once(4)) message.add('x-http-method-override', 'DELETE');
    if (dice.once(4)) message.add('x_auth_scope', 'mcp:admin');
    return message;
  }
  const message = dice.once(2) ? planted(dice.pick(corpus), number, dice.pick(TOKENS)) : grown(number, dice);
  mutate(message, dice);
  return message;
}

function planted({ headers = [], body, base64 }, number, token) {
  const message = new Message(number, token, headers);
  message.body = base64 === undefined ? Buffer.from(body) : Buffer.from(base64, 'base64');
  message.text = message.body.toString();
  message.tree = parse(message.text);
  message.names = ['a seed'];
  return message;
}

function grown(number, dice) {
  const { headers, body } = plain(dice);
  const message = new Message(number, dice.pick(TOKENS), headers);
  message.tree = body;
  return message;
}
