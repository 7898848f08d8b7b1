// A port that nobody listens on now. Not one that the system gives to connections: until it is listened on, any of them
// could get it, even the one that asks whether somebody listens there.
import { createServer } from 'node:net';

const [first, count] = [10_000, 10_000];

export async function freePort() {
  for (;;) {
    const port = first + Math.floor(Math.random() * count);
    if (await isFree(port)) return port;
  }
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
