// People on their way through the pages: without JavaScript, without a mouse, and back to every kind of callback.
import assert from 'node:assert/strict';
import { check, finish } from '../strangers/support/checks.mjs';
import { decide, launch, signIn, watchPolicy, yes } from './support/browser.mjs';
import {
  authorization, issuer, listen, pollOnce, redeem, register, waitingDevice, within,
} from './support/client.mjs';

const callback = await listen();
const browser = await launch();

/** A new person at a new browser profile. */
async function newPage(options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  return page;
}

/** Presses Tab until the element is reached, as somebody without a mouse does, and proves that they can see it. */
async function tabTo(page, role, name) {
  const wanted = page.getByRole(role, { name, exact: true });
  for (let presses = 0; presses < 30; presses += 1) {
    if (await wanted.evaluate((element) => element === document.activeElement)) {
      const visible = await wanted.evaluate((element) => {
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
        return (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none';
      });
      assert.ok(visible, `the focus on ${name} cannot be seen`);
      return;
    }
    await page.keyboard.press('Tab');
  }
  throw new Error(`the Tab key does not reach ${name}`);
}

async function assertCodeWorks(request) {
  const arrived = await callback.answerTo(request);
  assert.equal(arrived.searchParams.get('iss'), issuer);
  assert.ok((await redeem(request, arrived)).access_token, 'no access token');
}

async function requestFrom(name, redirectUri = callback.redirectUri) {
  return authorization(await register(name, [redirectUri]), redirectUri);
}

await check('journeys: sign-in and consent work with JavaScript switched off', async () => {
  const page = await newPage({ javaScriptEnabled: false });
  const request = await requestFrom('No script');
  await page.goto(request.url);
  await signIn(page);
  await decide(page, 'allow');
  await assertCodeWorks(request);
});

await check('journeys: sign-in and consent work with the keyboard alone, and the focus is always visible', async () => {
  const page = await newPage();
  const request = await requestFrom('No mouse');
  await page.goto(request.url);
  await tabTo(page, 'textbox', 'Username');
  await page.keyboard.type('bob');
  await tabTo(page, 'textbox', 'Password');
  await page.keyboard.type('hunter2');
  await tabTo(page, 'button', 'Sign in');
  await page.keyboard.press('Enter');
  await page.waitForURL(`${issuer}/authorize?**`);
  await tabTo(page, 'button', 'Deny');
  await tabTo(page, 'button', 'Allow');
  await page.keyboard.press('Space');
  await assertCodeWorks(request);
});

await check('journeys: Enter in the password field signs in', async () => {
  const page = await newPage();
  await page.goto((await requestFrom('Enter')).url);
  await page.getByLabel('Username').fill('bob');
  await page.getByLabel('Password', { exact: true }).fill('hunter2');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Allow', exact: true }).waitFor();
});

await check('journeys: going back from the client and allowing again does not break anything', async () => {
  const page = await newPage();
  const request = await requestFrom('Back button');
  await page.goto(request.url);
  await signIn(page);
  await decide(page, 'allow');
  await callback.answerTo(request);
  await page.waitForURL(`${callback.redirectUri}?**`);
  await page.goBack();
  const again = page.getByRole('button', { name: yes });
  if (await again.isVisible().catch(() => false)) await again.click();
  await assertCodeWorks(request);
});

// Attack 19, in Chromium.
for (const [kind, redirectUri] of [
  ['a loopback callback', callback.redirectUri],
  ['a private-scheme callback', 'cursor://anysphere.cursor-mcp/oauth/callback'],
  ['an https callback', 'https://dev.example/callback'],
]) {
  await check(`journeys: consent goes on to ${kind}, which no policy of the page stops`, async () => {
    const page = await newPage();
    const refused = watchPolicy(page);
    await page.goto((await requestFrom(`Calls back to ${kind}`, redirectUri)).url);
    await signIn(page, 'demo_user', 'demo_password');
    // Chromium's own word for it, which it gives before it knows whether anybody answers there.
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Network.enable');
    const followed = new Promise((resolve) => {
      devtools.on('Network.requestWillBeSent', ({ request, redirectResponse }) => {
        if (request.url.startsWith(redirectUri)) resolve(redirectResponse?.status);
      });
    });
    const answered = page.waitForResponse((response) => response.url() === `${issuer}/consent`);
    await decide(page, 'allow').catch(() => {});
    const response = await answered;
    // An app's own scheme leaves the browser where it is: there is a last page, which leads on by itself.
    const isApp = redirectUri.startsWith('cursor:');
    assert.equal(response.status(), isApp ? 200 : 303);
    const refresh = (await response.headerValue('refresh'))?.replace('0; url=', '');
    const location = new URL(isApp ? refresh : await response.headerValue('location'));
    assert.ok(location.href.startsWith(`${redirectUri}?`), 'the answer leads elsewhere');
    assert.ok(location.searchParams.get('code'), 'no code');
    if (isApp) {
      const link = page.getByRole('main').getByRole('link');
      assert.equal(await link.getAttribute('href'), location.href);
    } else {
      assert.equal(await within(10_000, 'the request that follows the answer', followed), 303);
    }
    assert.deepEqual(refused, []);
  });
}

await check('journeys: Deny takes the person back to the client with access_denied and no code', async () => {
  const page = await newPage();
  const request = await requestFrom('Denied');
  await page.goto(request.url);
  await signIn(page);
  await decide(page, 'deny');
  const arrived = await callback.answerTo(request);
  assert.equal(arrived.searchParams.get('error'), 'access_denied');
  assert.equal(arrived.searchParams.get('iss'), issuer);
  assert.equal(arrived.searchParams.get('code'), null);
});

await check('journeys: a mistake of a client nobody vouches for leads a stranger nowhere by itself', async () => {
  const page = await newPage();
  const request = await requestFrom('Mistaken');
  await page.goto(request.url.replace('S256', 'plain'));
  const target = new URL(await page.getByRole('main').getByRole('link').getAttribute('href'));
  assert.ok(target.href.startsWith(callback.redirectUri));
  assert.equal(target.searchParams.get('error'), 'invalid_request');
  assert.equal(target.searchParams.get('iss'), issuer);
  assert.equal(target.searchParams.get('code'), null);
});

for (const [decision, heading] of [['allow', 'Connected'], ['deny', 'Nothing was allowed']]) {
  await check(`journeys: on a phone, from the link of a device's QR code, to ${decision}`, async () => {
    const page = await newPage({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
    const refused = watchPolicy(page);
    const device = await waitingDevice();
    await page.goto(device.verification_uri_complete);
    await signIn(page);
    const field = page.getByLabel('Code on the device');
    assert.equal(await field.inputValue(), device.user_code);
    await page.getByRole('button', { name: 'Continue' }).tap();
    await page.getByText(device.user_code).waitFor();
    const [no, yes] = await Promise.all(['Deny', 'Allow'].map((name) =>
      page.getByRole('button', { name, exact: true }).boundingBox()));
    assert.deepEqual([no.width, no.height, no.y], [yes.width, yes.height, yes.y], 'one button is more than the other');
    await decide(page, decision);
    await page.getByRole('heading', { level: 1, name: heading }).waitFor();
    const heard = await pollOnce(device);
    if (decision === 'allow') assert.ok(heard.access_token, JSON.stringify(heard));
    else assert.equal(heard.error, 'access_denied');
    assert.deepEqual(refused, []);
  });
}

await check('journeys: the QR code of a device is a picture that Chromium draws', async () => {
  const page = await newPage();
  const { verification_uri, user_code } = await waitingDevice();
  await page.goto(issuer);
  const width = await page.evaluate(async (source) => {
    const image = new Image();
    image.src = source;
    await image.decode();
    return image.naturalWidth;
  }, `${verification_uri}/qr?user_code=${user_code}`);
  assert.ok(width >= 200, `${width} px wide`);
});

await browser.close();
callback.close();
finish();
