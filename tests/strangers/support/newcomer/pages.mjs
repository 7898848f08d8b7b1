// README and docs as a newcomer reads them: their commands, what these are said to print, and the files to write.
import { readFile, readdir } from 'node:fs/promises';

const root = new URL('../../../../', import.meta.url);

/** Each page with its blocks, in order. */
export async function pages() {
  const docs = (await readdir(new URL('docs/', root))).filter((name) => name.endsWith('.md')).sort();
  return Promise.all(['README.md', ...docs.map((name) => `docs/${name}`)].map(async (name) => {
    const text = await readFile(new URL(name, root), 'utf8');
    return { name, text, blocks: [...blocks(text)] };
  }));
}

/** What stands between fences, without the indentation of a list; `file` is the second word after the first fence. */
function* blocks(text) {
  for (const [, indent, info, body] of text.matchAll(/^( *)```(.*)\n([^]*?)^ *```$/gm)) {
    const [language, file] = info.trim().split(' ');
    const lines = body.split('\n').slice(0, -1);
    yield { language, file, lines: lines.map((line) => line.slice(indent.length).trimEnd()) };
  }
}

/** The commands of a terminal, each with the lines shown after it. A command goes on after a final backslash. */
export function commands({ lines }) {
  const found = [];
  for (const line of lines) {
    const last = found.at(-1);
    if (last?.command.endsWith('\\')) last.command += `\n${line}`;
    else if (line.startsWith('$ ')) found.push({ command: line.slice(2), shown: [] });
    else last.shown.push(line);
  }
  for (const { shown } of found) while (shown.at(-1) === '') shown.pop();
  return found;
}

/** `keyward keys rotate`, `mcp-auth login --register` and the like, named within sentences. */
export function named(text) {
  const spoken = text.replace(/^ *```.*\n[^]*?^ *```$/gm, '');
  return [...spoken.matchAll(/`((?:keyward|mcp-auth|keyward-resource-server) [^`]+)`/g)].map(([, words]) => words);
}

/** A line of nothing but `…` is any lines, `…` within a line any text. */
export function pattern(shown) {
  const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return shown.map((line) => (line === '…' ? '(?:.*\\n)*?' : `${line.split('…').map(escaped).join('.*?')} *\\n`)).join('');
}
