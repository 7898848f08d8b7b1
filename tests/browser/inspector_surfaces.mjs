// MCP Inspector as a command, on every surface of the demo's MCP server.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { check, finish } from '../strangers/support/checks.mjs';
import {
  callHarmless, entrances, httpWithSse, loggedIn, serviceToken, streamableHttp,
} from '../strangers/support/surfaces.mjs';
import { inspect } from './support/inspector.mjs';

/** It has no grant for programs, but takes their tokens. */
async function headersFor({ headers, sdk, login }, url, callTool) {
  if (headers) return headers(url);
  if (login) return loggedIn(await callTool(login));
  return sdk === 'clientCredentials' ? { authorization: `Bearer ${await serviceToken(url)}` } : {};
}

const transports = [
  ['MCP Inspector', 'http', streamableHttp],
  ['MCP Inspector, SSE', 'sse', httpWithSse],
];
// The command is slow to start, so both transports are tried at once.
await Promise.all(transports.map(async ([title, transport, place]) => {
  for (const entrance of entrances) {
    await check(`${title}: calls tools of ${entrance.surface} by ${entrance.by}`, async () => {
      const home = await mkdtemp(path.join(tmpdir(), 'keyward-inspector-'));
      try {
        const url = place(entrance.surface);
        const client = (headers) => ({
          listTools: () => inspect(home, { url, transport, headers, method: 'tools/list' }),
          callTool: ({ name: tool, arguments: args }) => (
            inspect(home, { url, transport, headers, method: 'tools/call', tool, args })
          ),
        });
        const headers = await headersFor(entrance, url, client({}).callTool);
        await callHarmless(client(headers), entrance.surface);
      } finally {
        await rm(home, { recursive: true, force: true });
      }
    });
  }
}));
finish();
