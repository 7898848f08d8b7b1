// Programs that a check starts for itself: waited for until they listen, and gone when the check is.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';

const children = [];
process.on('exit', () => children.forEach((child) => child.kill()));
// A signal ends a program without its `exit` event, unless it is told otherwise.
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => process.exit(1));

/** A program, once it listens. */
export async function start(port, command, args, env = {}) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  children.push(child);
  let words = '';
  child.stderr.on('data', (chunk) => { words = (words + chunk).slice(-4000); });
  for (let tries = 0; tries < 300; tries += 1) {
    if (await listens(port)) return;
    assert.equal(child.exitCode, null, `${command} ended: ${words}`);
    await setTimeout(100);
  }
  throw new Error(`${command} does not listen: ${words}`);
}

function listens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true) || socket.destroy());
    socket.on('error', () => resolve(false));
  });
}
