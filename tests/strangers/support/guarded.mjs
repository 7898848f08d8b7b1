// MCP servers that nobody here wrote, none of which has authorization, and the guard in front of each.
import { fileURLToPath } from 'node:url';
import { required } from './checks.mjs';
import { freePort } from './free_port.mjs';
import { start } from './programs.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const everything = here('../node_modules/.bin/mcp-server-everything');
const python = here('../.venv/bin/python');

const servers = {
  everything: {
    title: 'server-everything', path: '/mcp',
    run: (port) => start(port, process.execPath, [everything, 'streamableHttp'], { PORT: `${port}` }),
  },
  everything_sse: {
    title: 'server-everything over SSE', path: '/sse', sse: true,
    run: (port) => start(port, process.execPath, [everything, 'sse'], { PORT: `${port}` }),
  },
  fastmcp: {
    title: 'fastmcp', path: '/mcp',
    run: (port) => start(port, python, [here('fastmcp_server.py'), `${port}`, 'stream']),
  },
  fastmcp_json: {
    title: 'fastmcp in JSON', path: '/mcp',
    run: (port) => start(port, python, [here('fastmcp_server.py'), `${port}`, 'json']),
  },
};

/** One of them behind its guard, at the URL by which the demo knows it as a resource. */
export async function guarded(name) {
  const { title, path, sse = false, run } = servers[name];
  const resource = new URL(required(`KEYWARD__RESOURCES__${name.toUpperCase()}__IDENTIFIER`));
  const behind = await freePort();
  await run(behind);
  await start(resource.port, required('KEYWARD_GUARD_BINARY'), [
    'guard', '--upstream', `http://127.0.0.1:${behind}${path}`, '--issuer', required('DEMO_ISSUER'),
    '--resource', resource.href, '--listen', resource.host, '--name', title, '--scopes', 'mcp',
    '--tool', 'get-env=mcp:tools:admin',
  ]);
  return { title, url: resource.href, sse };
}
