// The TypeScript client v2 as an app that nobody registered: its document on the private internet describes it.
import assert from 'node:assert/strict';
import { DpopSession } from '@modelcontextprotocol/client';
import { check, finish } from './support/checks.mjs';
import { asked } from './support/internet.mjs';
import { tellStory } from './support/mcp_story.mjs';
import { typescriptV2 } from './support/typescript_v2.mjs';

const before = await asked('app.example');
const described = { ...typescriptV2('auto'), clientMetadataUrl: 'https://app.example/client.json' };

await tellStory('TypeScript client v2, cimd', described);
await tellStory('TypeScript client v2, cimd and DPoP', { ...described, dpop: () => DpopSession.create() });
await check('TypeScript client v2, cimd: its document was fetched once, over verified TLS', async () => {
  const after = await asked('app.example');
  assert.equal(after.requests - before.requests, 1);
  assert.equal(after.handshakes - before.handshakes, 1);
});
finish();
