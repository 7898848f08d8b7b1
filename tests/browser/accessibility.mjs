// Every page, looked at in light, in dark and 390 px wide: axe-core finds nothing, nothing overflows, and there is a
// screenshot of each in artifacts/.
import assert from 'node:assert/strict';
import { check, finish } from '../strangers/support/checks.mjs';
import { assertAccessible, decide, launch, look, looks, screenshot, signIn, yes } from './support/browser.mjs';
import { authorization, issuer, register, registerDevice, resource, waitingDevice } from './support/client.mjs';
import { withFreshServer } from './support/fresh_server.mjs';

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
      if (way.startsWith('phone') && name.startsWith('consent')) await assertFirstThingsFirst();
    });
  }
}

/** On a phone the heading has two lines, and what is asked and the buttons stand on the first screen and a half. */
async function assertFirstThingsFirst() {
  const heading = page.getByRole('heading', { level: 1 });
  const lines = await heading.evaluate((element) =>
    element.clientHeight / Number.parseFloat(getComputedStyle(element).lineHeight));
  assert.ok(lines < 2.5, `the heading has ${lines} lines`);
  const half = 1.5 * looks.phone.height;
  for (const [what, element] of [
    ['the permissions', page.locator('.scopes').first()],
    ['Allow', page.getByRole('button', { name: yes })],
  ]) {
    const { y, height } = await element.boundingBox();
    const end = y + height + await page.evaluate(() => window.scrollY);
    assert.ok(end <= half, `${what} end at ${end} px, beyond the first screen and a half (${half})`);
  }
}

const loopback = 'http://127.0.0.1:7777/callback';
const app = 'cursor://anysphere.cursor-mcp/oauth/callback';
const client = await register('Weather Assistant', [loopback, elsewhere, app]);
const request = (scope, redirectUri = loopback) => authorization(client, redirectUri, scope).url;

await judge('home', /Keyward/, () => page.goto(issuer));
await judge('docs', 'What this server answers', () => page.goto(new URL('/docs', issuer).href));
await judge('docs of the resource server', 'Keyward resource server', () => page.goto(new URL('/docs', resource).href));
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
const imitator = await register('Cl\u0430ude \u2713 “verified” '.repeat(4), [loopback]);
await judge('consent to an imitator', /wants to use/, () => page.goto(authorization(imitator, loopback).url));
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
await judge('not found', 'There is nothing here', () => page.goto(`${issuer}/nowhere`));
await judge('sign-in once more', 'Sign in to continue', () => page.goto(`${request('mcp:read')}&prompt=login`));
await judge('error', /./, () => page.goto(`${issuer}/authorize?client_id=nobody&redirect_uri=${elsewhere}`));
await judge('sign-out', 'Sign out?', () => page.goto(`${issuer}/logout`));
await judge('signed out', 'You are signed out', () => page.getByRole('button', { name: 'Sign out' }).click());

await withFreshServer(async (link) => {
  await judge('first administrator', 'Create the first administrator', () => page.goto(link));
  await judge('first administrator refused', 'Create the first administrator', async () => {
    await page.getByLabel('Username').fill('root');
    await page.getByLabel('Password', { exact: true }).fill('short');
    await page.getByLabel('Password, once more').fill('different');
    await page.getByRole('button', { name: 'Create administrator' }).click();
    await page.getByRole('alert').waitFor();
  });
});
// Last: Chromium without a window sends no form from a page any more once that page was led to an app it has not got.
await judge('app opened', /Go on in/, async () => {
  await page.goto(request('mcp:read', app));
  await signIn(page);
  await decide(page, 'allow');
});
await browser.close();
finish();
