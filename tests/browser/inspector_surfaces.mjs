// MCP Inspector as a command, on every surface of the demo's MCP server.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { check, finish } from '../strangers/support/checks.mjs';
import { callHarmless, entrances, httpWithSse, serviceToken, streamableHttp } from '../strangers/support/surfaces.mjs';
import { inspect } from './support/inspector.mjs';

/** It has no grant for programs, but takes their tokens. */
async function headersFor({ headers, sdk }, url) {
  if (headers) return headers(url);
  return sdk === 'clientCredentials' ? { authorization: `Bearer ${await serviceToken(url)}` } : {};
}

const transports = [
  ['MCP Inspector', 'http', streamableHttp],
  ['MCP Inspector, SSE', 'sse', httpWithSse],
];
for (const [title, transport, place] of transports) {
  for (const entrance of entrances) {
    await check(`${title}: calls tools of ${entrance.surface} by ${entrance.by}`, async () => {
      const home = await mkdtemp(path.join(tmpdir(), 'keyward-inspector-'));
      try {
        const url = place(entrance.surface);
        const headers = await headersFor(entrance, url);
        const ask = (more) => inspect(home, { url, transport, headers, ...more });
        await callHarmless({
          listTools: () => ask({ method: 'tools/list' }),
          callTool: (call) => ask({ method: 'tools/call', tool: call.name, args: call.arguments }),
        }, entrance.surface);
      } finally {
        await rm(home, { recursive: true, force: true });
      }
    });
  }
}
finish();
