// A server with an empty database, which prints a one-time link for its first administrator.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { required } from '../../strangers/support/checks.mjs';
import { freePort } from '../../strangers/support/free_port.mjs';
import { within } from './client.mjs';

/** Calls `use` with the link, and ends the server after it. */
export async function withFreshServer(use) {
  const directory = await mkdtemp(path.join(tmpdir(), 'keyward-setup-'));
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(required('KEYWARD_BINARY'), ['serve'], {
    cwd: directory,
    env: {
      ...process.env,
      KEYWARD__ISSUER: `http://${address}`,
      KEYWARD__LISTEN: address,
      KEYWARD__DATABASE__URL: `sqlite://${path.join(directory, 'keyward.db')}`,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const link = within(30_000, 'the link for the first administrator', new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        const found = line.match(/http:\/\/[^\s"]+\/setup\?token=[\w.~-]+/);
        if (found) resolve(found[0]);
      });
    }
  }));
  try {
    await use(await link);
  } finally {
    child.kill();
    await rm(directory, { recursive: true, force: true });
  }
}
