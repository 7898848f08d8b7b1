// The TypeScript client, second generation (npm `@modelcontextprotocol/client`), on both of its protocol eras.
import { DpopSession } from '@modelcontextprotocol/client';
import { finish } from './support/checks.mjs';
import { tellStory } from './support/mcp_story.mjs';
import { typescriptV2 } from './support/typescript_v2.mjs';

await tellStory('TypeScript client v2', typescriptV2('auto'));
await tellStory('TypeScript client v2, initialize era', typescriptV2('legacy'));
await tellStory('TypeScript client v2, DPoP', { ...typescriptV2('auto'), dpop: () => DpopSession.create() });
finish();
