// Messages that nobody may refuse: each within its token's scopes and the rules, its numbers, escapes and names as odd
// as JSON allows.
import { node } from './tree.mjs';

export const NUMBERS = [
  '0', '-0', '1', '-1', '1.0', '1.50', '-0.0', '1e400', '-1e400', '1e-400', '1E+2', '1e2', '0.1e-7',
  '123456789012345678901234567890', '9007199254740993', '18446744073709551616', '-9223372036854775809',
  '3.141592653589793238462643383279', '4'.repeat(400), `0.${'1'.repeat(300)}`, '1e0000000000000000000001',
];
export const TEXTS = [
  '""', '"a"', '"A\\u0062c"', '"\\/"', '"/"', '"gr\\u00fc\\u00dfe"', '"grüße"', '"\\ud83d\\ude00"', '"😀"', '"\\u0000"',
  '"\\u001f\\b\\f\\n\\r\\t"', '"\u2028\u2029"', '"\u007f"', '"\\u200b"', '"+ACI-"', '"tools/call"', '"\\u0022}"',
  '"{\\"method\\":\\"tools/call\\"}"', '"\ufeff"', '"\\ufffe\\uffff"', `"${'long '.repeat(50)}"`, '"DROP"',
];
const NAMES = [
  '"x"', '"y"', '"\\u0078y"', '"grüße"', '"Method"', '"method"', '"params"', '"name"', '"arguments"', '"\\ud83d\\ude00"',
  '""', '"1"', '"a.b"', '"a b"', '"jsonrpc"', '"id"', '"Keys"', '"ключ"', '"__proto__x"',
];

const META = 'io.modelcontextprotocol/';
export const initialize = {
  protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'readers', version: '1' },
};
const OPEN = [
  { method: 'ping' }, { method: 'ping', params: {} }, { method: 'ping', params: { _meta: { progressToken: 7 } } },
  { method: 'initialize', params: initialize }, { method: 'notifications/initialized' },
  { method: 'notifications/initialized', params: {} },
];
const READ = [
  { method: 'tools/list' }, { method: 'tools/list', params: { cursor: 'x' } }, { method: 'resources/list' },
  { method: 'resources/read', params: { uri: 'note://x' } }, { method: 'prompts/list' },
  { method: 'prompts/get', params: { name: 'delete_note' } },
];

export function value(dice, depth = 3) {
  if (depth === 0 || dice.below(3) > 0) {
    return dice.pick([dice.pick(NUMBERS), dice.pick(TEXTS), dice.pick(['true', 'false', 'null'])]);
  }
  if (dice.once(2)) return { items: dice.some(4, () => value(dice, depth - 1)) };
  return { members: odd(dice, depth - 1) };
}

/** Members that say nothing anybody judges, no two of one name. */
function odd(dice, depth, names = NAMES) {
  const members = dice.some(4, () => [dice.pick(names), value(dice, depth)]);
  const first = (name) => members.findIndex(([other]) => JSON.parse(other) === JSON.parse(name));
  return members.filter(([name], at) => first(name) === at);
}

function call(dice) {
  const judged = dice.once(2);
  // What a rule names is spelled otherwise nowhere beside it; deeper it may be.
  const members = odd(dice, 3);
  if (judged) {
    members.push(['"key"', node(dice.pick(['a', 'abc', 'z'.repeat(20)]))]);
    if (dice.once(2)) members.push(['"content"', dice.pick(['"grüße"', '"\\u0061"', '""', '"\\ud83d\\ude00"'])]);
    if (dice.once(2)) members.push(['"confirm"', 'true']);
  }
  const spelled = judged ? ['"write_note"', '"write\\u005fnote"'] : ['"read_note"', '"read_n\\u006fte"', '"other"'];
  const params = [['"name"', dice.pick(spelled)], ['"arguments"', { members }]];
  return { members: [['"method"', dice.pick(['"tools/call"', '"tools\\/call"'])], ['"params"', { members: params }]] };
}

/** Of the revision in which each request stands alone, and says in its head what it is. */
function standing(dice) {
  const name = dice.pick(['read_note', 'other', 'grüße', 'a b']);
  const _meta = { [`${META}protocolVersion`]: '2026-07-28', [`${META}clientCapabilities`]: {} };
  const made = node({ method: 'tools/call', params: { name, _meta } });
  made.members[1][1].members.push(['"arguments"', { members: odd(dice, 3) }]);
  const told = dice.once(2) || /[^!-~]/.test(name) ? `=?base64?${Buffer.from(name).toString('base64')}?=` : name;
  made.headers = [['mcp-protocol-version', '2026-07-28'], ['mcp-method', 'tools/call'], ['mcp-name', told]];
  return made;
}

/** Its body, as a tree, its headers, and the token that may send it. */
export function plain(dice) {
  const token = dice.pick(['none', 'read']);
  const of = (list) => () => node(dice.pick(list));
  const made = (token === 'none' ? of(OPEN) : dice.pick([of(READ), call, call, standing]))(dice);
  const notification = made.members[0][1].startsWith('"notifications/');
  const id = notification ? [] : [['"id"', dice.pick(['1', '0', '"a"', '"\\u0031"', '-5', '9007199254740991'])]];
  const members = [['"jsonrpc"', dice.pick(['"2.0"', '"2\\u002e0"'])], ...id, ...made.members];
  return { token, headers: made.headers ?? [], body: { members: dice.once(3) ? members.reverse() : members } };
}
