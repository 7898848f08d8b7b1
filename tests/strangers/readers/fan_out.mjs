// The server behind the guard: hands each request, byte by byte as it came, to every reader, and has what they saw
// judged.
import { createServer } from 'node:net';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import assert from 'node:assert/strict';
import { freePort } from '../support/free_port.mjs';
import { start } from '../support/programs.mjs';
import { Wire, header } from './wire.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const jars = ['annotations', 'core', 'databind'].map((part) => `/usr/share/java/jackson-${part}.jar`).join(':');

/** Starts them all; their ports. `folder` is for what is built. */
export async function readers(folder) {
  const go = path.join(folder, 'encoding_json');
  const built = spawnSync('go', ['build', '-o', go, here('encoding_json.go')], { encoding: 'utf8' });
  assert.equal(built.status, 0, `go: ${built.error ?? built.stderr}`);
  const programs = [
    [process.execPath, [here('express.mjs')]],
    [here('../.venv/bin/python'), [here('starlette_sdk.py')]],
    [go, []],
    ['java', ['-XX:TieredStopAtLevel=1', '-Dsun.net.httpserver.nodelay=true', '-cp', jars, here('Jackson.java')]],
  ];
  return Promise.all(programs.map(async ([command, args]) => {
    const port = await freePort();
    await start(port, command, [...args, `${port}`]);
    return port;
  }));
}

/** Listens, and calls `judge(arrived, views)` for each request before it answers. */
export async function fanOut(ports, judge) {
  const server = createServer((socket) => serve(new Wire(socket), ports, judge).finally(() => socket.destroy()));
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return server.address().port;
}

async function serve(guard, ports, judge) {
  const behind = ports.map(() => null);
  for (;;) {
    const arrived = await guard.read({ waits: true });
    if (arrived === null) break;
    const ask = async (port, at) => {
      if (!behind[at]?.open) behind[at] = Wire.to(port);
      behind[at].socket.write(arrived.bytes);
      return behind[at].read();
    };
    const asked = ports.map(async (port, at) => {
      // It may have closed a connection that was idle just when this was sent.
      const answer = await ask(port, at) ?? await ask(port, at);
      assert.ok(answer, `the reader at ${port} broke off`);
      if (header(answer, 'connection') === 'close') behind[at].close();
      return / 200 /.test(answer.first) ? JSON.parse(answer.body) : [];
    });
    const seen = await Promise.all(asked).then((views) => views.flat(), (error) => error);
    guard.socket.write(judge(arrived, seen));
  }
  for (const wire of behind) wire?.close();
}
