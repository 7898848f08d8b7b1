// Hosts that mean no good, each below `hostile.example`, with what the operator is to read of it.
//
//   addresses(times)   where its name leads, at the nth lookup; the public internet if not said
//   certificate        what it shows: `site` if not said, `expired`, `own` (signed by itself), `other` (another name's)
//   answer             what it says to a request; a good document if not said
//   reason             words of the log's line about it
//   requests           how many reach it, 1 if not said
//   told               whether the page says the reason, too: of a document of that very URL
import { gzipSync } from 'node:zlib';
import { PUBLIC, json } from './apps.mjs';

const INSIDE = /not on the public internet/;
/** Far more than anybody reads. */
const BOMB = gzipSync(Buffer.alloc(50_000_000, ' '), { level: 9 });

const good = (url) => ({ client_id: url, client_name: 'App', redirect_uris: ['http://127.0.0.1/callback'] });

/** As long as the other side takes it. */
function forEver(stream, text) {
  const more = () => { while (stream.writable && stream.write(text)); };
  stream.on('drain', more);
  more();
}

/** RFC 6890 and the registries it began: one address of each class, and some of the ways to write those. */
const special = [
  '0.0.0.0', '0.1.2.3', '10.0.0.1', '100.64.0.1', '127.0.0.1', '127.9.9.9', '169.254.169.254', '172.16.0.1',
  '192.0.0.1', '192.0.2.1', '192.88.99.1', '192.168.0.1', '198.18.0.1', '198.51.100.1', '203.0.113.1', '224.0.0.1',
  '240.0.0.1', '255.255.255.255', '::', '::1', '::7f00:1', '::ffff:127.0.0.1', '::ffff:10.0.0.1', '64:ff9b::7f00:1',
  '64:ff9b:1::1', '100::1', '2001::1', '2001:db8::1', '2002:7f00:1::', '3fff::1', 'fc00::1', 'fd00::1', 'fe80::1',
  'ff02::1',
];

const behindSpecialAddresses = special.map((address) => ({
  what: `is at ${address}`,
  label: `at-${address.replace(/[.:]/g, '-')}`.replace(/-$/, '-0'),
  addresses: () => [address],
  reason: INSIDE,
  requests: 0,
}));

const withNames = [
  {
    what: 'is at a public address and at a private one',
    label: 'both',
    addresses: () => [PUBLIC, '10.0.0.1'],
    reason: INSIDE,
    requests: 0,
  },
  {
    what: 'is at a public address and, by IPv6, at this machine',
    label: 'both-families',
    addresses: () => [PUBLIC, '::1'],
    reason: INSIDE,
    requests: 0,
  },
  // Whoever looked a name up to check it, and again to connect, would be led inside.
  {
    what: 'changes its address after each lookup (rebinding), asked once',
    label: 'rebinding',
    addresses: (times) => [times % 2 ? PUBLIC : '127.0.0.1'],
    answer: ({ response }) => json(response, []),
    reason: /not a JSON object/,
  },
  { what: 'has no address', label: 'nowhere', addresses: () => [], reason: /lookup/, requests: 0 },
];

const withCertificates = [
  { what: 'has an expired certificate', label: 'expired', certificate: 'expired', reason: /expired/i, requests: 0 },
  { what: 'signed its certificate itself', label: 'own', certificate: 'own', reason: /certificate/i, requests: 0 },
  {
    what: 'has the certificate of another name',
    label: 'other',
    certificate: 'other',
    reason: /not valid for name/i,
    requests: 0,
  },
];

const withAnswers = [
  {
    what: 'redirects to the cloud\'s metadata',
    label: 'redirect-inside',
    answer: ({ response }) => response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data' }).end(),
    reason: /status is not 200/,
  },
  {
    what: 'redirects to a good document',
    label: 'redirect',
    answer: ({ response }) => response.writeHead(307, { location: 'https://app.example/client.json' }).end(),
    reason: /status is not 200/,
  },
  {
    what: 'sends a byte now and then',
    label: 'drip',
    answer({ response }) {
      response.writeHead(200, { 'content-type': 'application/json' });
      const dripping = setInterval(() => response.write(' '), 250);
      response.on('close', () => clearInterval(dripping));
    },
    reason: /time/,
  },
  { what: 'never answers', label: 'silent', answer: () => {}, reason: /time/ },
  {
    what: 'sends megabytes',
    label: 'oversize',
    answer({ response }) {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 50_000_000 });
      forEver(response, ' '.repeat(4096));
    },
    reason: /too large/,
  },
  {
    what: 'sends a compressed bomb',
    label: 'bomb',
    answer({ response }) {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(BOMB);
    },
    reason: /encoded/,
  },
  {
    what: 'promises an answer for ever',
    label: 'promises',
    answer: ({ socket }) => forEver(socket, 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(99)),
    reason: /more was sent/,
  },
  {
    what: 'calls its document a page',
    label: 'page',
    answer({ response, url }) {
      response.writeHead(200, { 'content-type': 'text/html' }).end(JSON.stringify(good(url)));
    },
    reason: /content type/,
  },
  {
    what: 'has a document for another app',
    label: 'impostor',
    answer: ({ response }) => json(response, good('https://app.example/client.json')),
    reason: /client_id must be/,
  },
  {
    what: 'has a document with a secret',
    label: 'secret',
    answer: ({ response, url }) => json(response, { ...good(url), client_secret: 's3cr3t' }),
    reason: /client_secret must not/,
    told: true,
  },
  {
    what: 'has a script for a logo',
    label: 'logo',
    answer: ({ response, url }) => json(response, { ...good(url), logo_uri: 'javascript:alert(1)' }),
    reason: /logo_uri must be/,
    told: true,
  },
];

/** Numbered, so that what was seen of one can be spoken of. */
export const hosts = [behindSpecialAddresses, withNames, withCertificates, withAnswers].flat().map((host, at) => ({
  number: at + 1,
  name: `${host.label}.hostile.example`,
  addresses: () => [PUBLIC],
  answer: ({ response, url }) => json(response, good(url)),
  requests: 1,
  ...host,
}));
