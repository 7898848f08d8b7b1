// Every page, looked at in light, in dark and 390 px wide: axe-core finds nothing, nothing overflows, and there is a
// screenshot of each in artifacts/.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { check, finish, required } from '../strangers/support/checks.mjs';
import { freePort } from '../strangers/support/free_port.mjs';
import { assertAccessible, decide, launch, look, looks, screenshot, signIn } from './support/browser.mjs';
import { authorization, issuer, register, registerDevice, waitingDevice, within } from './support/client.mjs';

const elsewhere = 'https://app.example/callback';
const browser = await launch();
const page = await browser.newPage();
page.setDefaultTimeout(15_000);

/** Goes to a page, proves that it is the one meant by its heading, and judges it in every look. */
async function judge(name, heading, go) {
  await check(`pages: ${name} is reached`, async () => {
    await go();
    await page.getByRole('heading', { level: 1, name: heading }).waitFor();
  });
  for (const way of Object.keys(looks)) {
    await check(`pages: ${name}, ${way}, has no accessibility violation`, async () => {
      await page.getByRole('heading', { level: 1, name: heading }).waitFor({ timeout: 1000 });
      await look(page, way);
      await screenshot(page, `${name.replaceAll(' ', '-')}-${way}`);
      await assertAccessible(page);
    });
  }
}

/** A server with an empty database, which prints a one-time link for its first administrator. */
async function freshServer(directory) {
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(required('KEYWARD_BINARY'), ['serve'], {
    cwd: directory,
    env: {
      ...process.env,
      KEYWARD__ISSUER: `http://${address}`,
      KEYWARD__LISTEN: address,
      KEYWARD__DATABASE__URL: `sqlite://${path.join(directory, 'keyward.db')}`,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const link = within(30_000, 'the link for the first administrator', new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        const found = line.match(/http:\/\/[^\s"]+\/setup\?token=[\w.~-]+/);
        if (found) resolve(found[0]);
      });
    }
  }));
  return { child, link };
}

const loopback = 'http://127.0.0.1:7777/callback';
const app = 'cursor://anysphere.cursor-mcp/oauth/callback';
const client = await register('Weather Assistant', [loopback, elsewhere, app]);
const request = (scope, redirectUri = loopback) => authorization(client, redirectUri, scope).url;

await judge('home', /Keyward/, () => page.goto(issuer));
await judge('leaving', 'Nothing was allowed', () => page.goto(request('mcp:read').replace('S256', 'plain')));
await judge('sign-in', 'Sign in', () => page.goto(request('mcp:read')));
await judge('sign-in refused', 'Sign in', async () => {
  await signIn(page, 'alice', 'not her password');
  await page.getByRole('alert').waitFor();
});
await judge('consent', /Weather Assistant.*wants to use/, () => signIn(page));
await judge('consent to an app', /Weather Assistant.*wants to use/, () => page.goto(request('mcp:read', app)));
await judge('consent to a website', /Weather Assistant.*wants to use/, () => page.goto(request('mcp:read', elsewhere)));
/** Nobody listens at the callback: the code is not wanted, only the remembered consent. */
async function allow(redirectUri) {
  await page.goto(request('mcp:read', redirectUri));
  await decide(page, 'allow').catch(() => {});
  await page.waitForURL(`${redirectUri}?**`, { waitUntil: 'commit' }).catch(() => {});
}
await judge('consent once more', /Weather Assistant.*wants to connect again/, async () => {
  await allow(loopback);
  await page.goto(request('mcp:read'));
});
await judge('consent for more', /asks for more/, async () => {
  await allow(elsewhere);
  await page.goto(request('mcp:read mcp:tools:write', elsewhere));
});
const device = await waitingDevice();
await judge('device code', 'Connect a device', () => page.goto(`${issuer}/device`));
await judge('device code refused', 'Connect a device', async () => {
  await page.getByLabel('Code on the device').fill('BBBB-BBBB');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('alert').waitFor();
});
await judge('device consent', /on a device wants to use/, async () => {
  await page.goto(device.verification_uri_complete);
  await page.getByRole('button', { name: 'Continue' }).click();
});
await judge('device allowed', 'Connected', () => decide(page, 'allow'));
const stranger = await waitingDevice(await registerDevice('Living Room TV'));
await judge('device consent to a stranger', /on a device wants to use/, async () => {
  await page.goto(stranger.verification_uri_complete);
  await page.getByRole('button', { name: 'Continue' }).click();
});
await judge('error', /./, () => page.goto(`${issuer}/authorize?client_id=nobody&redirect_uri=${elsewhere}`));
await judge('sign-out', 'Sign out?', () => page.goto(`${issuer}/logout`));
await judge('signed out', 'You are signed out', () => page.getByRole('button', { name: 'Sign out' }).click());

const directory = await mkdtemp(path.join(tmpdir(), 'keyward-setup-'));
const server = await freshServer(directory);
try {
  await judge('first administrator', 'Create the first administrator', async () => page.goto(await server.link));
  await judge('first administrator refused', 'Create the first administrator', async () => {
    await page.getByLabel('Username').fill('root');
    await page.getByLabel('Password', { exact: true }).fill('short');
    await page.getByLabel('Password, once more').fill('different');
    await page.getByRole('button', { name: 'Create administrator' }).click();
    await page.getByRole('alert').waitFor();
  });
} finally {
  server.child.kill();
  await browser.close();
  await rm(directory, { recursive: true, force: true });
}
finish();
