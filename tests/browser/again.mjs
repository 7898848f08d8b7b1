// Every form there is, in Chromium: pressed twice, reloaded, gone back to, without its cookies, as somebody else, in two
// tabs. Nobody ends in a dead end, and nothing is done twice.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { check, finish } from '../strangers/support/checks.mjs';
import { decide, launch, signIn, yes } from './support/browser.mjs';
import { authorization, issuer, listen, redeem, register, waitingDevice } from './support/client.mjs';
import { withFreshServer } from './support/fresh_server.mjs';

const templates = new URL('../../templates/', import.meta.url);
const actions = new Set(readdirSync(templates).flatMap((name) =>
  [...readFileSync(new URL(name, templates), 'utf8').matchAll(/<form[^>]*action="([^"]+)"/g)].map(([, action]) => action)));
const callback = await listen();
const browser = await launch();

async function newPage() {
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(15_000);
  return page;
}

/** Of an app that nobody has allowed anything. */
let apps = 0;
async function request() {
  apps += 1;
  return authorization(await register(`Twice ${apps}`, [callback.redirectUri]), callback.redirectUri);
}
const heading = (page, name) => page.getByRole('heading', { level: 1, name }).waitFor();
const text = (page, words) => page.getByRole('main').getByText(words).first().waitFor();

async function fill(page, username = 'alice', password = 'password123') {
  await page.getByLabel('Username').fill(username);
  await page.getByLabel('Password', { exact: true }).fill(password);
}

/** To each form: a way to it, the button that sends it, and what has happened once it was sent. */
const forms = {
  '/login': async (page) => {
    await page.goto((await request()).url);
    await fill(page);
    return { button: 'Sign in', arrives: () => heading(page, /wants to use/) };
  },
  '/consent': async (page) => {
    const asked = await request();
    await page.goto(asked.url);
    await signIn(page);
    await heading(page, /wants to use/);
    const arrives = async () => {
      const arrived = await callback.answerTo(asked);
      // And the browser is where the app answers it: until then a reload would be of another page.
      await page.waitForURL((url) => url.href.startsWith(callback.redirectUri));
      assert.ok((await redeem(asked, arrived)).access_token, 'no access token');
    };
    return { button: yes, arrives };
  },
  '/logout': async (page) => {
    await page.goto((await request()).url);
    await signIn(page);
    await heading(page, /wants to use/);
    return { button: 'Sign out', arrives: () => text(page, 'sent you here') };
  },
  '/device': async (page) => {
    const device = await waitingDevice();
    await page.goto(device.verification_uri_complete);
    await signIn(page);
    await heading(page, 'Connect a device');
    return { button: 'Continue', arrives: () => text(page, device.user_code) };
  },
  '/device/decision': async (page) => {
    const device = await waitingDevice();
    await page.goto(device.verification_uri_complete);
    await signIn(page);
    await page.getByRole('button', { name: 'Continue' }).click();
    await text(page, device.user_code);
    return { button: 'Allow', arrives: () => heading(page, 'Connected') };
  },
};

const press = (page, name, how = 'click') => page.getByRole('button', { name, exact: true })[how]({ noWaitAfter: true });

await check('again: every form of the templates is tried here', () => {
  assert.deepEqual([...actions].sort(), [...Object.keys(forms), '/setup'].sort());
});

for (const [action, open] of Object.entries(forms)) {
  await check(`again: ${action}, pressed twice, leads where once leads`, async () => {
    const page = await newPage();
    const { button, arrives } = await open(page);
    await press(page, button, 'dblclick');
    await arrives();
  });
  await check(`again: ${action}, gone back from and reloaded, is no dead end`, async () => {
    const page = await newPage();
    const { button, arrives } = await open(page);
    await press(page, button);
    await arrives();
    await page.waitForLoadState();
    await page.reload();
    await page.goBack().catch(() => {});
    assert.doesNotMatch(await page.getByRole('heading', { level: 1 }).first().innerText(), /can't|wrong|nothing here/i);
  });
  await check(`again: ${action}, its cookies lost, asks to sign in and goes on`, async () => {
    const page = await newPage();
    const { button } = await open(page);
    await page.context().clearCookies();
    await press(page, button);
    await heading(page, /Sign in/);
    if (action === '/login') await text(page, /its cookie is gone/);
    else if (action !== '/logout') await text(page, /You were signed out\. Sign in to/);
    await signIn(page);
    await heading(page, action.startsWith('/device') ? 'Connect a device' : /wants to/);
  });
}

for (const action of ['/consent', '/device/decision', '/device', '/logout']) {
  await check(`again: ${action}, somebody else signed in meanwhile, is asked anew`, async () => {
    const page = await newPage();
    const { button } = await forms[action](page);
    const other = await page.context().newPage();
    await other.goto(`${issuer}/login`);
    await signIn(other, 'bob', 'hunter2');
    await text(other, 'bob');
    await press(page, button);
    await page.getByRole('alert').waitFor();
    if (action.endsWith('n') && action !== '/login') {
      const told = (await page.getByRole('alert').innerText()).replace(/\s+/g, ' ');
      assert.match(told, /Look again, then decide.*You are now signed in as bob\./);
    }
    await text(page, 'bob');
  });
}

await check('again: two tabs sign in, each to what it was for', async () => {
  const one = await newPage();
  const asked = [await request(), await request()];
  await one.goto(asked[0].url);
  const other = await one.context().newPage();
  await other.goto(asked[1].url);
  for (const page of [one, other]) {
    await signIn(page);
    await heading(page, /wants to/);
  }
  // The second sign-in is a session of its own, in which the first tab's question is asked once more.
  await decide(one, 'allow');
  await text(one, 'You signed in anew since this page was opened.');
  await decide(one, 'allow');
  await callback.answerTo(asked[0]);
  await decide(other, 'allow');
  await callback.answerTo(asked[1]);
});

await withFreshServer(async (link) => {
  await check('again: /setup, pressed twice and reloaded, welcomes', async () => {
    const page = await newPage();
    await page.goto(link);
    await fill(page, 'root', 'correct horse battery staple');
    await page.getByLabel('Password, once more').fill('correct horse battery staple');
    await press(page, 'Create administrator', 'dblclick');
    await heading(page, 'Welcome');
    await page.reload();
    await heading(page, 'Welcome');
  });
});

await browser.close();
callback.close();
finish();
