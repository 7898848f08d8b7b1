// Ten minutes of events from somebody else's MCP server, through the guard, over both transports at once.
import assert from 'node:assert/strict';
import { check, finish } from './support/checks.mjs';
import { guarded } from './support/guarded.mjs';
import { signedIn } from './support/signed_in.mjs';

const [seconds, steps] = [602, 301];

await Promise.all(['everything', 'everything_sse'].map(async (name) => {
  const server = await guarded(name);
  await check(`${server.title} behind the guard: a stream lasts ten minutes, and each event arrives in order`, async () => {
    const { client } = await signedIn(server);
    const heard = [];
    // As the transport reads them: the client itself drops what it has not dispatched when the result comes with it.
    const { onmessage } = client.transport;
    client.transport.onmessage = (message, ...rest) => {
      if (message.method === 'notifications/progress') heard.push(message.params.progress);
      onmessage(message, ...rest);
    };
    const onprogress = () => {};
    const long = { name: 'trigger-long-running-operation', arguments: { duration: seconds, steps } };
    const began = Date.now();
    const { content } = await client.callTool(long, { onprogress, timeout: 60_000, resetTimeoutOnProgress: true });
    assert.ok(Date.now() - began >= 600_000, `it lasted ${Date.now() - began} ms`);
    assert.match(content[0].text, /completed/);
    assert.deepEqual(heard, Array.from({ length: steps }, (_, index) => index + 1));
    await client.close();
  });
}));
finish();
