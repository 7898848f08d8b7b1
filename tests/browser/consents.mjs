// Each kind of consent (first, more, same) for each kind of app, in every look: heading, sections and button agree,
// axe-core finds nothing, nothing overflows, and there is a screenshot of each in artifacts/.
import assert from 'node:assert/strict';
import { check, finish, required } from '../strangers/support/checks.mjs';
import { assertAccessible, decide, launch, look, looks, screenshot, signIn, yes } from './support/browser.mjs';
import { authorization, issuer, listen, registerDevice, resource, waitingDevice } from './support/client.mjs';

const here = await listen();
const website = 'https://assistant.example/callback';
const document = `${issuer}/demo/clients/public.json`;

const browser = await launch();
const page = await browser.newPage();
page.setDefaultTimeout(15_000);

/** Registers an app; what it was answered says how to change it (RFC 7592). */
async function register(metadata) {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ token_endpoint_auth_method: 'none', ...metadata });
  const response = await fetch(`${issuer}/register`, { method: 'POST', headers, body });
  assert.equal(response.status, 201, await response.clone().text());
  return response.json();
}

async function rename({ registration_client_uri, registration_access_token, ...registered }, name) {
  const { client_id, redirect_uris, token_endpoint_auth_method, grant_types } = registered;
  const response = await fetch(registration_client_uri, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${registration_access_token}` },
    body: JSON.stringify({ client_id, client_name: name, redirect_uris, token_endpoint_auth_method, grant_types }),
  });
  assert.equal(response.status, 200, await response.text());
}

/** Asked in any case, for these scopes and at these servers. */
function asks(clientId, redirectUri, scope, resources = [resource]) {
  const url = new URL(authorization(clientId, redirectUri, scope).url);
  url.searchParams.delete('resource');
  for (const one of resources) url.searchParams.append('resource', one);
  url.searchParams.set('prompt', 'consent');
  return url.href;
}

/** Nobody need listen where it leads: the remembered consent is what is wanted. */
async function allow(redirectUri) {
  await page.getByRole('button', { name: yes }).click().catch(() => {});
  await page.waitForURL(`${redirectUri}?**`, { waitUntil: 'commit' }).catch(() => {});
}

const little = 'mcp:read';
const much = 'mcp:read mcp:tools:write';
/** In the order in which a person meets them: heading, headings of what is asked, and the button. */
const kinds = {
  first: { scope: little, heading: /wants to use/, sections: 1, button: 'Allow' },
  same: { scope: little, heading: /wants to connect again/, sections: 1, button: 'Connect' },
  more: { scope: much, heading: /asks for more/, sections: 2, button: 'Allow' },
};
/** Who returns to this computer may be another program each time, and shows all of what it asks for. */
const claimed = { ...kinds.first, scope: much };

async function judge(name, { heading, sections, button }) {
  for (const way of Object.keys(looks)) {
    await check(`consents: ${name}, ${way}`, async () => {
      await look(page, way);
      await page.getByRole('heading', { level: 1, name: heading }).waitFor();
      assert.equal(await page.locator('.scopes').count(), sections, 'lists of what it could do');
      assert.equal(await page.getByRole('button', { name: yes }).textContent(), button);
      await screenshot(page, `consents-${name.replaceAll(/[ ,']+/g, '-')}-${way}`);
      await assertAccessible(page);
    });
  }
}

const device = new URL('/mcp/device', resource).href;
const unproven = await register({ client_name: 'Weather Assistant', redirect_uris: [here.redirectUri] });
const changing = await register({ client_name: 'Trip Planner', redirect_uris: [here.redirectUri] });
const returning = await register({ client_name: 'Assistant', redirect_uris: [website] });
const broad = await register({ client_name: 'Desk', redirect_uris: [website] });
const apps = {
  unproven: { clientId: unproven.client_id, redirectUri: here.redirectUri },
  'returns to a website': { clientId: returning.client_id, redirectUri: website },
  'proven by a document': { clientId: document, redirectUri: here.redirectUri },
  'several servers': { clientId: broad.client_id, redirectUri: website, resources: [resource, device] },
};

await page.goto(`${issuer}/login`);
await signIn(page);
for (const [app, { clientId, redirectUri, resources }] of Object.entries(apps)) {
  for (const [kind, shown] of Object.entries(kinds)) {
    await page.goto(asks(clientId, redirectUri, shown.scope, resources));
    await judge(`${app}, ${kind}`, kind === 'more' && redirectUri !== website ? claimed : shown);
    if (kind !== 'more') await allow(redirectUri);
  }
}

await page.goto(asks(changing.client_id, here.redirectUri, little));
await allow(here.redirectUri);
await rename(changing, 'Trip Planner Pro');
await page.goto(asks(changing.client_id, here.redirectUri, little));
await judge('changed', kinds.first);
await check('consents: changed: says so', () => page.getByText('It changed since you last allowed it').waitFor());

const stranger = await registerDevice('Living Room TV');
for (const [name, clientId] of [['a known device', 'dev-device-client'], ['an unproven device', stranger]]) {
  const { verification_uri_complete } = await waitingDevice(clientId);
  await page.goto(verification_uri_complete);
  await page.getByRole('button', { name: 'Continue' }).click();
  await judge(name, kinds.first);
}
here.close();
await browser.close();
finish();
