// Every surface of the demo's MCP server through both generations of the TypeScript SDK, over both transports.
import * as v2 from '@modelcontextprotocol/client';
import { ClientCredentialsProvider } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { check, finish, required } from './support/checks.mjs';
import { MemoryProvider } from './support/memory_provider.mjs';
import { Person } from './support/person.mjs';
import { callHarmless, entrances, httpWithSse, loggedIn, service, streamableHttp } from './support/surfaces.mjs';

const issuer = required('DEMO_ISSUER');
const self = { name: 'keyward-strangers', version: '1.0.0' };
const robot = { ...service, scope: 'mcp:read', expectedIssuer: issuer };

const generation2 = {
  Unauthorized: v2.UnauthorizedError,
  robot: () => new v2.ClientCredentialsProvider(robot),
  finishAuth: (transport, parameters) => transport.finishAuth(parameters),
};
const generation1 = {
  Unauthorized: UnauthorizedError,
  robot: () => new ClientCredentialsProvider(robot),
  finishAuth: (transport, parameters) => transport.finishAuth(parameters.get('code')),
  client: () => new Client(self),
};
const era = (mode) => () => new v2.Client(self, { versionNegotiation: { mode } });

const clients = [
  {
    title: 'TypeScript client v2', ...generation2,
    client: era('auto'), Transport: v2.StreamableHTTPClientTransport, url: streamableHttp,
  },
  {
    title: 'TypeScript client v2, initialize era', ...generation2,
    client: era('legacy'), Transport: v2.StreamableHTTPClientTransport, url: streamableHttp,
  },
  {
    title: 'TypeScript client v2, SSE', ...generation2,
    client: era('legacy'), Transport: v2.SSEClientTransport, url: httpWithSse,
  },
  { title: 'TypeScript SDK v1', ...generation1, Transport: StreamableHTTPClientTransport, url: streamableHttp },
  { title: 'TypeScript SDK v1, SSE', ...generation1, Transport: SSEClientTransport, url: httpWithSse },
];

async function connect({ client: newClient, Transport }, url, options) {
  const client = newClient();
  await client.connect(new Transport(new URL(url), options));
  return client;
}

/** What the entrance is to a transport: headers, or the SDK's own authorization. */
async function optionsFor(entrance, sdk, url) {
  if (entrance.login) {
    const client = await connect(sdk, url);
    const result = await client.callTool(entrance.login);
    await client.close();
    return { requestInit: { headers: loggedIn(result) } };
  }
  if (entrance.headers) return { requestInit: { headers: await entrance.headers(url) } };
  if (entrance.sdk === 'clientCredentials') return { authProvider: sdk.robot() };
  const authProvider = new MemoryProvider({ clientName: sdk.title, redirectUrl: 'http://127.0.0.1:3333/callback' });
  const transport = new sdk.Transport(new URL(url), { authProvider });
  try {
    await sdk.client().connect(transport);
  } catch (error) {
    if (!(error instanceof sdk.Unauthorized)) throw error;
    const callback = await new Person().authorize(authProvider.authorizationUrl);
    await sdk.finishAuth(transport, authProvider.callback(callback));
    return { authProvider };
  }
  throw new Error('nobody was sent to the browser');
}

for (const sdk of clients) {
  for (const entrance of entrances) {
    await check(`${sdk.title}: calls tools of ${entrance.surface} by ${entrance.by}`, async () => {
      const url = sdk.url(entrance.surface);
      const client = await connect(sdk, url, await optionsFor(entrance, sdk, url));
      try {
        await callHarmless(client, entrance.surface);
      } finally {
        await client.close();
      }
    });
  }
}
finish();
