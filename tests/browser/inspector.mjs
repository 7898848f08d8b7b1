// MCP Inspector 2.12 in its web form: discovery and registration from a browser page, sign-in, consent, a tool call.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { check, finish } from '../strangers/support/checks.mjs';
import { Person } from '../strangers/support/person.mjs';
import { claims } from '../strangers/support/tokens.mjs';
import { decide, launch, look, screenshot, signIn } from './support/browser.mjs';
import { authorization, redeem, register, resource } from './support/client.mjs';
import { startInspector } from './support/inspector.mjs';

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
  inspector = await startInspector(home, resource);
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
    assert.equal(await page.getByLabel(/Schema portability/).count(), 0, 'a tool has a schema that is not portable');
    await screenshot(page, 'inspector-3-tools');
  });

  await check('Inspector: whoami answers that it is alice who calls', async () => {
    await page.getByRole('button').getByText('whoami', { exact: true }).click();
    await page.getByRole('button', { name: 'Execute Tool' }).click();
    await page.getByText('"alice"').first().waitFor();
    await page.getByText(await subjectOfAlice()).first().waitFor();
    await screenshot(page, 'inspector-4-whoami');
  });
} finally {
  await browser?.close();
  inspector?.child.kill();
  await rm(home, { recursive: true, force: true });
}
finish();
