// MCP Inspector 2.12, as a web page and as a command.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../strangers/support/free_port.mjs';
import { Person } from '../../strangers/support/person.mjs';
import { within } from './client.mjs';

const program = fileURLToPath(
  new URL('../node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js', import.meta.url),
);

const environment = (home) => ({
  ...process.env, HOME: home, MCP_INSPECTOR_SECRET_STORE: 'memory', MCP_SANDBOX_PORT: '0',
});

/** Starts the web page on a free port; gives its process and the address it prints, token included. */
export async function startInspector(home, url, transport = 'http') {
  const env = { ...environment(home), CLIENT_PORT: `${await freePort()}`, MCP_AUTO_OPEN_ENABLED: 'false' };
  const args = [program, '--web', '--server-url', url, '--transport', transport];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const address = await within(60_000, 'the Inspector', new Promise((resolve) => {
    lines.on('line', (line) => {
      const found = line.match(/http:\/\/\S+MCP_INSPECTOR_API_TOKEN=\S+/);
      if (found) resolve(found[0].replace('127.0.0.1', 'localhost'));
    });
  }));
  return { child, address };
}

/**
 * One method through the command; what it printed. A person stands by who signs in where the command says
 * "Please navigate to", so that nothing opens a browser.
 */
export async function inspect(home, { url, transport = 'http', headers = {}, method, tool, args = {} }) {
  const given = Object.entries(headers).flatMap(([name, value]) => ['--header', `${name}: ${value}`]);
  const called = tool ? ['--tool-name', tool, '--tool-args-json', JSON.stringify(args)] : [];
  const callback = `http://127.0.0.1:${await freePort()}/oauth/callback`;
  const options = ['--method', method, ...called, ...given, '--callback-url', callback, '--format', 'json'];
  const env = { ...environment(home), MCP_AUTO_OPEN_ENABLED: 'true', BROWSER: 'true' };
  const child = spawn(process.execPath, [program, '--cli', url, '--transport', transport, ...options], {
    env, stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [printed, said] = ['', ''];
  child.stdout.on('data', (data) => { printed += data; });
  createInterface({ input: child.stderr }).on('line', (line) => {
    said += `${line}\n`;
    const place = line.match(/^Please navigate to: (\S+)/)?.[1];
    if (place) new Person().authorize(place).then(fetch).catch((error) => { said += error; child.kill(); });
  });
  const code = await within(60_000, 'the Inspector', new Promise((resolve) => child.on('close', resolve)))
    .finally(() => child.kill());
  assert.equal(code, 0, said.slice(-600) || printed.slice(-600));
  return JSON.parse(printed).result;
}
