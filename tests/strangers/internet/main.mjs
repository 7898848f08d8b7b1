// The private internet's one program: its name server, and every web server there. See scripts/lib/network.sh.
// What was asked of it is told at http://127.0.0.1:8080/NAME, for whoever judges.
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { TLSSocket, createSecureContext } from 'node:tls';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { apps } from './apps.mjs';
import { hosts } from './hosts.mjs';
import { serveNames } from './names.mjs';

const network = process.argv[2];
const byName = new Map([...apps, ...hosts].map((host) => [host.name, host]));
/** By name: lookups, handshakes that succeeded, requests, and the sockets that bytes went out by. */
const seen = new Map([...byName.keys()].map((name) => [name, { lookups: 0, handshakes: 0, requests: 0, sockets: [] }]));
/** By address: connections, whatever became of them. */
const connections = new Map();

const certificates = Object.fromEntries(['site', 'expired', 'other', 'own'].map((name) => {
  const read = (kind) => readFileSync(path.join(network, `${name}.${kind}`));
  return [name, createSecureContext({ cert: read('pem'), key: read('key') })];
}));

const pages = createHttpServer((request, response) => {
  const host = byName.get(request.headers.host);
  const counts = seen.get(request.headers.host);
  if (!host || !counts) return response.writeHead(421).end();
  counts.requests += 1;
  return host.answer({ request, response, socket: request.socket, url: `https://${host.name}${request.url}` });
});

const web = createServer((socket) => {
  const address = socket.localAddress;
  connections.set(address, (connections.get(address) ?? 0) + 1);
  let counts;
  const secured = new TLSSocket(socket, {
    isServer: true,
    SNICallback(name, done) {
      counts = seen.get(name);
      counts?.sockets.push(socket);
      done(null, certificates[byName.get(name)?.certificate ?? 'site']);
    },
    secureContext: certificates.site,
  });
  secured.on('secure', () => { if (counts) counts.handshakes += 1; });
  // The other side hangs up whenever it has seen enough.
  for (const one of [socket, secured]) one.on('error', () => {});
  pages.emit('connection', secured);
});

const judge = createHttpServer((request, response) => {
  const { sockets = [], ...counts } = seen.get(request.url.slice(1)) ?? {};
  const bytes = sockets.reduce((total, socket) => total + socket.bytesWritten, 0);
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ ...counts, bytes, addresses: Object.fromEntries(connections) }));
});

await serveNames((name, times) => byName.get(name)?.addresses?.(times), (name) => {
  const counts = seen.get(name);
  if (counts) counts.lookups += 1;
  return counts?.lookups ?? 0;
});
await new Promise((listening) => web.listen(443, '0.0.0.0', listening));
judge.listen(8080, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
