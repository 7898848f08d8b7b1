// MCP Inspector in front of the guard, and somebody else's MCP servers behind it: as a web page, and as a command.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { check, finish } from '../strangers/support/checks.mjs';
import { guarded } from '../strangers/support/guarded.mjs';
import { decide, launch, look, screenshot, signIn } from './support/browser.mjs';
import { inspect, startInspector } from './support/inspector.mjs';

const newHome = () => mkdtemp(path.join(tmpdir(), 'keyward-inspector-'));
const [homeOfPage, homeOfCommand] = [await newHome(), await newHome()];
const named = ({ title }, sentence) => `Inspector, ${title} behind the guard: ${sentence}`;

const everything = await guarded('everything');
const servers = [
  [everything, 'echo', { message: 'grüße' }, 'Echo: grüße'],
  [await guarded('everything_sse'), 'echo', { message: 'grüße' }, 'Echo: grüße'],
  [await guarded('fastmcp'), 'headers', {}, '"x-auth-username":"alice"'],
];

let inspector;
let browser;
try {
  await check(named(everything, 'in Chromium alice signs in and allows it, and sees what a tool answers'), async () => {
    inspector = await startInspector(homeOfPage, everything.url);
    browser = await launch();
    const page = await browser.newPage();
    page.setDefaultTimeout(20_000);
    await look(page, 'light');
    await page.goto(inspector.address);
    await page.getByRole('switch').first().click({ force: true });
    await page.waitForURL('**/login?**');
    await signIn(page);
    await page.waitForURL('**/authorize?**');
    assert.ok((await page.getByRole('main').innerText()).includes(everything.url), 'the MCP server is not named');
    await decide(page, 'allow');
    await page.waitForURL('http://localhost:*/');
    await page.getByText('Tools', { exact: true }).first().click();
    await page.getByRole('button').getByText('echo', { exact: true }).click();
    assert.equal(await page.getByRole('button').getByText('get-env', { exact: true }).count(), 0, 'get-env is listed');
    await page.getByRole('textbox', { name: 'message' }).fill('through the guard');
    await page.getByRole('button', { name: 'Execute Tool' }).click();
    await page.getByText('Echo: through the guard').first().waitFor();
    await screenshot(page, 'inspector-5-guard');
  });

  for (const [server, tool, args, answer] of servers) {
    await check(named(server, 'the command signs alice in, lists tools and calls one'), async () => {
      const at = { url: server.url, transport: server.sse ? 'sse' : 'http' };
      const names = (await inspect(homeOfCommand, { ...at, method: 'tools/list' })).tools.map(({ name }) => name);
      assert.ok(names.includes(tool) && !names.includes('get-env'), `it lists ${names}`);
      const { isError, content } = await inspect(homeOfCommand, { ...at, method: 'tools/call', tool, args });
      assert.ok(!isError && content[0].text.includes(answer), JSON.stringify(content));
    });
  }
} finally {
  await browser?.close();
  inspector?.child.kill();
  for (const home of [homeOfPage, homeOfCommand]) await rm(home, { recursive: true, force: true });
}
finish();
