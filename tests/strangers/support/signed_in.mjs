// The TypeScript client, second generation, once alice has let it in.
import { Client, SSEClientTransport, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { MemoryProvider } from './memory_provider.mjs';
import { Person } from './person.mjs';

/** Connects to the server at `url`; `headers` go with each request, beside the token. */
export async function signedIn({ url, sse }, headers = {}) {
  const authProvider = new MemoryProvider({ clientName: 'keyward-strangers', redirectUrl: 'http://127.0.0.1:3333/callback' });
  const attempt = async () => {
    const Transport = sse ? SSEClientTransport : StreamableHTTPClientTransport;
    const transport = new Transport(new URL(url), { authProvider, requestInit: { headers } });
    const mode = sse ? 'legacy' : 'auto';
    const client = new Client({ name: 'keyward-strangers', version: '1.0.0' }, { versionNegotiation: { mode } });
    const connected = client.connect(transport).then(() => true, (error) => {
      if (!(error instanceof UnauthorizedError)) throw error;
    });
    return { client, transport, connected: await connected };
  };
  const first = await attempt();
  if (first.connected) throw new Error('nobody was sent to the browser');
  const callback = await new Person().authorize(authProvider.authorizationUrl);
  await first.transport.finishAuth(authProvider.callback(callback));
  const { client } = await attempt();
  return { client, tokens: authProvider.tokens() };
}
