// An HTTP exchange as a page shows it: a request, and an answer of which the page may leave headers out.
import assert from 'node:assert/strict';

const parts = (lines) => {
  const empty = lines.indexOf('');
  const [head, body] = empty < 0 ? [lines, []] : [lines.slice(0, empty), lines.slice(empty + 1)];
  // Long headers are broken into lines to fit the page.
  const [first, ...headers] = head.join('\n').replace(/\n +/g, ' ').split('\n');
  return { first, headers: headers.map((line) => line.split(/: (.*)/).slice(0, 2)), body: body.join('\n') };
};

export const isRequest = ([first]) => /^[A-Z]+ \/\S* HTTP\/1\.1$/.test(first);

export async function send(lines) {
  const { first, headers, body } = parts(lines);
  const [method, path] = first.split(' ');
  const { Host: host, ...others } = Object.fromEntries(headers);
  const response = await fetch(`http://${host}${path}`, { method, headers: others, body: body || undefined });
  return { response, body: await response.text() };
}

export function assertShown({ response, body }, lines) {
  const shown = parts(lines);
  assert.equal(Number(shown.first.split(' ')[1]), response.status);
  for (const [name, value] of shown.headers) assert.equal(response.headers.get(name), value, name);
  assert.deepEqual(alike(JSON.parse(body), JSON.parse(shown.body)), JSON.parse(shown.body), body);
}

/** What was said, with `…` where the page has it. */
function alike(said, shown) {
  if (shown === '…' && said !== undefined) return shown;
  if (said === null || typeof said !== 'object') return said;
  const entries = Object.entries(said).map(([name, value]) => [name, alike(value, shown?.[name])]);
  return Array.isArray(said) ? entries.map(([, value]) => value) : Object.fromEntries(entries);
}
