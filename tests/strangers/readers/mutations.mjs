// What is done to a message so that two readers might disagree about it.
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { CHARSETS, FOLDS, FORBIDDEN, HIDDEN, MEMBERS, ODD, TYPES, WORDS } from './oddities.mjs';
import { NUMBERS, value } from './plain.mjs';
import { node, objects, said, written } from './tree.mjs';

/** A character as JSON may escape it. */
function escaped(text, dice) {
  return text.replace(/[\ud800-\udfff]|[^]/g, (one) => {
    const code = one.charCodeAt(0).toString(16).padStart(4, '0');
    return `\\u${dice.once(2) ? code.toUpperCase() : code}`;
  });
}

const spelled = (text, dice) => (dice.once(2) ? JSON.stringify(text) : `"${escaped(text, dice)}"`);
const anyObject = (tree, dice) => dice.pick([tree, ...objects(tree)].filter((one) => one?.members)) ?? { members: [] };

/** A member of one of its objects, for `change`. */
function anyMember(tree, dice, change) {
  const object = anyObject(tree, dice);
  if (object.members.length > 0) change(object.members, dice.below(object.members.length));
}

function renamed(tree, dice, rename) {
  anyMember(tree, dice, (members, at) => {
    const name = said(members[at][0]);
    if (name === undefined) return;
    const other = [rename(name), structuredClone(members[at][1])];
    // In the place of the member, or beside it.
    members.splice(at + dice.below(2), dice.below(2), other);
  });
}

function folded(name, dice) {
  const letters = [...name].map((letter) => {
    const others = [...(FOLDS[letter.toLowerCase()] ?? letter)];
    return dice.once(3) ? dice.pick(others) : letter;
  });
  return dice.once(4) ? name.toUpperCase() : letters.join('');
}

const hidden = (name, dice) => {
  const at = dice.below(name.length + 1);
  return name.slice(0, at) + dice.pick(HIDDEN) + name.slice(at);
};

/** By another name than its own, or almost. */
const misnamed = (name, dice) => dice.pick([
  spelled(folded(name, dice), dice), JSON.stringify(hidden(name, dice)), spelled(name, dice),
]);

function insert(tree, dice, ...members) {
  const object = dice.once(2) && tree.members ? tree : anyObject(tree, dice);
  for (const one of members) object.members.splice(dice.below(object.members.length + 1), 0, one);
}

/** A letter beyond ASCII, or a sign, as UTF-7 has it (RFC 2152). */
const utf7 = (text) => text.replace(/[^A-Za-z0-9]+/g, (part) => {
  return `+${Buffer.from(part, 'utf16le').swap16().toString('base64').replace(/=+$/, '')}-`;
});

/** On the tree: `(tree, dice) => tree`. */
const ofTrees = [
  function repeated(tree, dice) {
    anyMember(tree, dice, (members, at) => {
      const other = dice.pick([value(dice, 1), spelled(dice.pick(WORDS), dice), structuredClone(members[at][1])]);
      members.splice(at + dice.below(2), 0, [members[at][0], other]);
    });
    return tree;
  },
  function named_in_another_case(tree, dice) {
    renamed(tree, dice, (name) => spelled(folded(name, dice), dice));
    return tree;
  },
  function named_with_what_is_not_seen(tree, dice) {
    renamed(tree, dice, (name) => spelled(hidden(name, dice), dice));
    return tree;
  },
  function named_by_escapes(tree, dice) {
    renamed(tree, dice, (name) => `"${escaped(name, dice)}"`);
    return tree;
  },
  function one_member_more(tree, dice) {
    const other = dice.pick([value(dice, 1), spelled(dice.pick(WORDS), dice), node(dice.pick(FORBIDDEN).params)]);
    insert(tree, dice, [spelled(folded(dice.pick(MEMBERS), dice), dice), other]);
    return tree;
  },
  function a_call_beside_it(tree, dice) {
    const { method, params } = dice.pick(FORBIDDEN);
    insert(tree, dice, [misnamed('method', dice), JSON.stringify(method)], [misnamed('params', dice), node(params)]);
    return tree;
  },
  function parts_of_a_call_beside_its_own(tree, dice) {
    const { name, arguments: given } = dice.pick(FORBIDDEN).params;
    const params = tree.members?.find(([own]) => said(own) === 'params')?.[1];
    const parts = [[misnamed('name', dice), JSON.stringify(name)], [misnamed('arguments', dice), node(given)]];
    insert(params?.members ? params : tree, dice, ...parts);
    return tree;
  },
  function an_argument_beside_its_own(tree, dice) {
    const given = objects(tree).at(-1) ?? tree;
    const name = dice.pick(['key', 'content', 'confirm']);
    insert(given, dice, [misnamed(name, dice), dice.pick(['"DROP TABLE"', 'false', 'null', '7'])]);
    return tree;
  },
  function a_response(tree, dice) {
    const outcome = dice.pick([['"result"', '{}'], ['"error"', '{}'], ['"error"', '{"code":1,"message":"x"}']]);
    if (dice.once(2) && tree.members) tree.members = tree.members.filter(([name]) => said(name) !== 'method');
    insert(tree, dice, outcome);
    return tree;
  },
  function one_member_less(tree, dice) {
    anyMember(tree, dice, (members, at) => members.splice(at, 1));
    return tree;
  },
  function another_value(tree, dice) {
    anyMember(tree, dice, (members, at) => {
      const own = members[at][1];
      members[at][1] = dice.pick([
        dice.pick(ODD), dice.pick(NUMBERS), spelled(dice.pick(WORDS), dice), { items: [own] }, value(dice, 2), 'null',
        { members: [['"toString"', own]] },
      ]);
    });
    return tree;
  },
  function a_text_with_something_in_it(tree, dice) {
    anyMember(tree, dice, (members, at) => {
      const text = said(members[at][1]);
      if (typeof text === 'string') members[at][1] = spelled(hidden(text, dice), dice);
    });
    return tree;
  },
  function in_another_order(tree, dice) {
    anyObject(tree, dice).members.reverse();
    return tree;
  },
  function in_a_list(tree, dice) {
    const other = node({ jsonrpc: '2.0', id: 2, ...dice.pick(FORBIDDEN) });
    return { items: dice.pick([[tree], [tree, other], [other, tree], []]) };
  },
  function deep(tree, dice) {
    const depth = dice.pick([5, 60, 126, 127, 128, 129, 600, 3000]);
    const nest = dice.once(2) ? ['[', ']'] : ['{"a":', '}'];
    const inner = dice.once(2) ? written(node(dice.pick(FORBIDDEN))) : '0';
    insert(tree, dice, ['"deep"', nest[0].repeat(depth) + inner + nest[1].repeat(depth)]);
    return tree;
  },
  function moved(tree, dice) {
    anyMember(tree, dice, (members, at) => insert(tree, dice, ...members.splice(at, 1)));
    return tree;
  },
];

/** On the text: `(text, dice, message) => text`. */
const ofTexts = [
  function with_marks_around_it(text, dice) {
    const mark = dice.pick([
      '\ufeff', '\x1e', '\0', ")]}'\n", '\u00a0', '\f', '\v', '\u2028', ' \r\n\t ', '//\n', '/**/', '#\n', '(', ';',
    ]);
    return dice.once(2) ? mark + text : text + mark;
  },
  function with_another_after_it(text, dice) {
    const other = written(node({ jsonrpc: '2.0', id: 3, ...dice.pick(FORBIDDEN) }));
    const [first, second] = dice.once(2) ? [text, other] : [other, text];
    return first + dice.pick(['', '\n', ',', '\0', '\x1e']) + second;
  },
  function with_what_other_dialects_know(text, dice) {
    const put = dice.pick([
      ['{', '{/*"*/'], ['{', '{//"\n'], ['}', ',}'], [':', ':/**/'], [',', ',,'], ['{', '{,'], [':', '='],
      ['{', '{#"\n'], ['"jsonrpc"', 'jsonrpc'], ['"method"', "'method'"], [':', ':+'], ['"', '\\"'], ['}', '}}'],
      ['{', '{{'], [',', ';'], ['"2.0"', '2.0'],
    ]);
    return text.replace(put[0], put[1]);
  },
  function cut(text, dice) {
    return text.slice(0, dice.below(text.length + 1));
  },
  function with_space(text, dice) {
    const spaces = dice.pick([' ', '\t', '\r\n', '\n\n', '\u00a0', '\u3000', '\v', '\f', '\u2003']);
    return text.replaceAll(dice.pick(['{', ':', ',']), (mark) => mark + spaces);
  },
  function in_seven_bits(text, dice, message) {
    const { method, params } = dice.pick(FORBIDDEN);
    const more = utf7(`","method":"${method}","params":${JSON.stringify(params)},"x":"`);
    const charset = dice.pick(['utf-7', 'UTF-7', 'utf-7-imap', '"utf-7"', 'unicode-1-1-utf-7']);
    message.type(`application/json; charset=${charset}`);
    return text.replace(/"[^"\\]*"(?=[,}])/g, (own) => (dice.once(2) ? `${own.slice(0, -1)}${more}"` : own));
  },
];

const utf32 = (text) => Buffer.concat([...text].map((one) => {
  const four = Buffer.alloc(4);
  four.writeUInt32LE(one.codePointAt(0));
  return four;
}));
const ENCODINGS = {
  'utf-16le': (text) => Buffer.from(text, 'utf16le'),
  'utf-16be': (text) => Buffer.from(text, 'utf16le').swap16(),
  'utf-16': (text) => Buffer.from(`\ufeff${text}`, 'utf16le'),
  'utf-32le': utf32,
  'utf-32be': (text) => utf32(text).swap32(),
  'iso-8859-1': (text) => Buffer.from(text, 'latin1'),
};

/** On the bytes: `(bytes, dice, message, text) => bytes`. */
const ofBytes = [
  function in_another_encoding(bytes, dice, message, text) {
    const [charset, encode] = dice.pick(Object.entries(ENCODINGS));
    if (dice.once(2)) message.type(`application/json; charset=${charset}`);
    return encode(text);
  },
  function with_a_bad_byte(bytes, dice) {
    const at = dice.below(bytes.length + 1);
    const bad = dice.pick(['ff', 'c0a2', 'e080a2', 'eda080', 'f5808080', '80', 'c3', '00']);
    return Buffer.concat([bytes.subarray(0, at), Buffer.from(bad, 'hex'), bytes.subarray(at + dice.below(2))]);
  },
  function with_a_turned_bit(bytes, dice) {
    const turned = Buffer.from(bytes);
    if (turned.length) turned[dice.below(turned.length)] ^= 1 << dice.below(8);
    return turned;
  },
  function packed(bytes, dice, message) {
    const [name, pack] = dice.pick([
      ...['gzip', 'x-gzip', 'GZIP', 'identity, gzip'].map((name) => [name, gzipSync]), ['deflate', deflateSync],
      ['deflate', deflateRawSync], ['br', brotliCompressSync],
      ...['gzip', 'identity', ''].map((name) => [name, (own) => own]),
    ]);
    message.add('content-encoding', name);
    return pack(bytes);
  },
];

/** On the headers: `(message, dice) => {}`. */
const ofHeads = [
  function of_a_type(message, dice) {
    message.type(dice.pick([dice.pick(TYPES), `application/json; charset=${dice.pick(CHARSETS)}`]));
  },
  function of_two_types(message, dice) {
    message.add('content-type', dice.pick(TYPES));
  },
  function of_a_method_in_the_head(message, dice) {
    const name = dice.pick(['mcp-method', 'mcp-name', 'mcp_method', 'mcp-Method', 'mcp-param-key', 'mcp-name_']);
    message.add(name, dice.pick(['tools/call', 'ping', 'delete_note', 'read_note', '=?base64?ZGVsZXRlX25vdGU=?=', '']));
  },
  function of_a_revision(message, dice) {
    message.add('mcp-protocol-version', dice.pick(['2025-11-25', '2026-07-28', '2024-11-05', '1900-01-01', '']));
  },
  function overridden(message, dice) {
    const name = dice.pick([
      'x-http-method-override', 'x_http_method_override', 'x-method-override', 'x-original-url', 'x-auth-scope',
      'x_auth_scope',
    ]);
    message.add(name, dice.pick(['DELETE', 'PUT', 'mcp:admin', '/admin']));
  },
  function by_another_verb(message, dice) {
    message.verb = dice.pick(['GET', 'DELETE', 'PUT', 'PATCH', 'post', 'OPTIONS']);
  },
  function with_a_session(message, dice) {
    message.add('mcp-session-id', dice.pick(['x', '', 'a,b']));
  },
  function in_pieces(message) {
    message.chunked = true;
  },
  function of_two_lengths(message) {
    message.twoLengths = true;
  },
];

const GROUPS = [ofTrees, ofTrees, ofTrees, ofTrees, ofTexts, ofBytes, ofHeads];

/** Changes a message, once or a few times; `names` tells how. */
export function mutate(message, dice) {
  const chosen = Array.from({ length: 1 + dice.below(4) }, () => dice.pick(dice.pick(GROUPS)));
  const of = (group) => chosen.filter((mutation) => group.includes(mutation));
  for (const mutation of of(ofTrees)) {
    if (message.tree && typeof message.tree !== 'string') message.tree = mutation(message.tree, dice);
  }
  let text = message.tree ? written(message.tree) : message.text;
  for (const mutation of of(ofTexts)) text = mutation(text, dice, message);
  message.body = Buffer.from(text);
  for (const mutation of of(ofBytes)) message.body = mutation(message.body, dice, message, text);
  for (const mutation of of(ofHeads)) mutation(message, dice);
  message.names = chosen.map(({ name }) => name);
}
