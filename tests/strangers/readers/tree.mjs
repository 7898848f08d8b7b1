// JSON as it is spelled: an object is `{ members: [[name, node], …] }`, an array `{ items: [node, …] }`, and anything
// else its own text, digits and escapes included; so are names, quotes included.

const TEXT = /"(?:[^"\\]|\\.)*"/y;
const OTHER = /[^\s,:[\]{}"]+/y;
const SPACE = /\s*/y;

/** `null` for what is no JSON. */
export function parse(text) {
  let at = 0;
  const matched = (pattern) => {
    pattern.lastIndex = at;
    const [found] = pattern.exec(text) ?? [];
    at += found?.length ?? 0;
    return found;
  };
  const next = (mark) => {
    matched(SPACE);
    if (text[at] !== mark) return false;
    at += 1;
    return true;
  };
  const list = (end, one) => {
    const all = [];
    if (next(end)) return all;
    do all.push(one()); while (next(','));
    if (!next(end)) throw new SyntaxError(end);
    return all;
  };
  const leaf = (pattern) => {
    matched(SPACE);
    return matched(pattern) ?? fail();
  };
  const fail = () => { throw new SyntaxError(`at ${at}`); };
  const member = () => {
    const name = leaf(TEXT);
    return [name, next(':') ? node() : fail()];
  };
  const node = () => {
    if (next('{')) return { members: list('}', member) };
    if (next('[')) return { items: list(']', node) };
    return text[at] === '"' ? leaf(TEXT) : leaf(OTHER);
  };
  try {
    const whole = node();
    matched(SPACE);
    return at === text.length ? whole : null;
  } catch {
    return null;
  }
}

export function written(node) {
  if (typeof node === 'string') return node;
  if (node.items) return `[${node.items.map(written).join(',')}]`;
  return `{${node.members.map(([name, value]) => `${name}:${written(value)}`).join(',')}}`;
}

export const node = (value) => parse(JSON.stringify(value));

/** All objects in it, the outermost first. */
export function objects(tree) {
  if (typeof tree === 'string') return [];
  if (tree.items) return tree.items.flatMap(objects);
  return [tree, ...tree.members.flatMap(([, value]) => objects(value))];
}

/** The object's member of this name, however it is spelled. */
export const member = (object, name) => object?.members?.find(([spelled]) => said(spelled) === name);

/** What a text says; nothing for one that is spelled wrongly. */
export function said(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
