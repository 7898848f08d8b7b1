// A reverse proxy on loopback that adds an access token to what passes through, for clients that know nothing of OAuth.
import { createServer, request } from 'node:http';

/** Everything else passes as it came, `Host` and `Origin` too: the server behind judges those. */
export async function startProxy(upstream, token) {
  const { hostname, port } = new URL(upstream);
  const server = createServer((asked, answer) => {
    const { method, url: path, headers } = asked;
    const options = { hostname, port, method, path, headers: { ...headers, authorization: `Bearer ${token}` } };
    const onward = request(options, (given) => {
      answer.writeHead(given.statusCode, given.headers);
      given.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    answer.on('close', () => onward.destroy());
    asked.pipe(onward);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}${new URL(upstream).pathname}`,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}
