// MCP Inspector 2.12 in its web form: discovery and registration from a browser page, sign-in, consent, a tool call.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { check, finish } from '../strangers/support/checks.mjs';
import { freePort } from '../strangers/support/free_port.mjs';
import { Person } from '../strangers/support/person.mjs';
import { claims } from '../strangers/support/tokens.mjs';
import { decide, launch, look, screenshot, signIn } from './support/browser.mjs';
import { authorization, redeem, register, resource, within } from './support/client.mjs';

const program = fileURLToPath(
  new URL('node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js', import.meta.url),
);

/** Starts the Inspector on a free port; gives its process and the address it prints, token included. */
async function start(home) {
  const port = await freePort();
  const child = spawn(process.execPath, [program, '--web', '--server-url', resource, '--transport', 'http'], {
    env: {
      ...process.env,
      HOME: home,
      CLIENT_PORT: String(port),
      MCP_SANDBOX_PORT: '0',
      MCP_AUTO_OPEN_ENABLED: 'false',
      MCP_INSPECTOR_SECRET_STORE: 'memory',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  const address = await within(60_000, 'the Inspector', new Promise((resolve) => {
    lines.on('line', (line) => {
      const found = line.match(/http:\/\/\S+MCP_INSPECTOR_API_TOKEN=\S+/);
      if (found) resolve(found[0].replace('127.0.0.1', 'localhost'));
    });
  }));
  return { child, address };
}

/** Who alice is to the MCP server: the subject of a token she allowed another client. */
async function subjectOfAlice() {
  const redirectUri = 'http://127.0.0.1:6666/callback';
  const request = authorization(await register('Who is alice', [redirectUri]), redirectUri);
  const callback = await new Person().authorize(request.url);
  return claims((await redeem(request, callback)).access_token).sub;
}

const home = await mkdtemp(path.join(tmpdir(), 'keyward-inspector-'));
let inspector;
let browser;
try {
  inspector = await start(home);
  browser = await launch();
  const page = await browser.newPage();
  page.setDefaultTimeout(20_000);
  await look(page, 'light');

  await check('Inspector: connecting leads to the sign-in page of the authorization server', async () => {
    await page.goto(inspector.address);
    await page.getByRole('switch').first().click({ force: true });
    await page.waitForURL('**/login?**');
    await screenshot(page, 'inspector-1-sign-in');
  });

  await check('Inspector: after sign-in the consent page names it and the MCP server', async () => {
    await signIn(page);
    await page.waitForURL('**/authorize?**');
    const words = await page.getByRole('main').innerText();
    assert.match(words, /MCP Inspector/);
    assert.ok(words.includes(resource), 'the MCP server is not named');
    await screenshot(page, 'inspector-2-consent');
  });

  await check('Inspector: after consent it is connected and lists the tools', async () => {
    await decide(page, 'allow');
    await page.waitForURL('http://localhost:*/');
    await page.getByText('Tools', { exact: true }).first().click();
    for (const tool of ['echo', 'ping', 'whoami', 'greet']) {
      await page.getByRole('button').getByText(tool, { exact: true }).waitFor();
    }
    await screenshot(page, 'inspector-3-tools');
  });

  await check('Inspector: whoami answers that it is alice who calls', async () => {
    await page.getByRole('button').getByText('whoami', { exact: true }).click();
    await page.getByRole('button', { name: 'Execute Tool' }).click();
    await page.getByText(await subjectOfAlice()).first().waitFor();
    await screenshot(page, 'inspector-4-whoami');
  });
} finally {
  await browser?.close();
  inspector?.child.kill();
  await rm(home, { recursive: true, force: true });
}
finish();
