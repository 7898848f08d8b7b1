// A name server (RFC 1035 §4.1) that knows A and AAAA records, and lets them last for no time at all.
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';

const TYPES = { 1: 'A', 28: 'AAAA' };

/**
 * `find(name, times)` gives the addresses of a name, or undefined if there is none such; `count(name)` says how often
 * it was asked for, this time included. Lookups ask for both kinds of record, and count once.
 */
export function serveNames(find, count) {
  const server = createSocket('udp4');
  server.on('message', (query, { address, port }) => {
    const { name, type, end } = question(query);
    const times = type === 'A' ? count(name) : undefined;
    const found = find(name, times);
    const wanted = (found ?? []).filter((one) => isIPv6(one) === (type === 'AAAA'));
    server.send(answer(query.subarray(0, end), found, wanted), port, address);
  });
  return new Promise((listening) => server.bind(53, '127.0.0.1', listening));
}

function question(query) {
  const labels = [];
  let at = 12;
  for (let length = query[at]; length; length = query[at]) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: TYPES[query.readUInt16BE(at + 1)], end: at + 5 };
}

function answer(query, found, addresses) {
  const header = Buffer.from(query);
  header.writeUInt16BE(found ? 0x8580 : 0x8583, 2);
  header.writeUInt16BE(addresses.length, 6);
  header.writeUInt16BE(0, 8);
  header.writeUInt16BE(0, 10);
  return Buffer.concat([header, ...addresses.map(record)]);
}

/** For the name of the question (a pointer to it), class IN, for 0 seconds. */
function record(address) {
  const data = isIPv6(address) ? sixteenBytes(address) : Buffer.from(address.split('.').map(Number));
  const start = Buffer.from([0xc0, 12, 0, data.length === 4 ? 1 : 28, 0, 1, 0, 0, 0, 0, 0, data.length]);
  return Buffer.concat([start, data]);
}

function sixteenBytes(address) {
  // The URL parser writes a dotted tail as two groups, and shortens.
  const short = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head, tail = ''] = short.split('::').map((part) => part.split(':').filter(Boolean));
  const missing = 8 - head.length - tail.length;
  const groups = [...head, ...Array(missing).fill('0'), ...tail];
  return Buffer.from(groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]));
}
