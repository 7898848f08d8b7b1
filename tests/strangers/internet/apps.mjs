// Hosts as they should be: the servers of the documentation's examples, and apps, each described by a document at the
// URL that is its `client_id`.
import { request as connect } from 'node:http';

/** Somewhere on the public internet; here every address leads to the same place. */
export const PUBLIC = '11.22.33.44';

const signing = (jwks_uri) => ({
  client_name: 'Signing app', redirect_uris: ['https://app.example/callback'],
  token_endpoint_auth_method: 'private_key_jwt', jwks_uri,
});

const documents = {
  '/client.json': {
    client_name: 'App',
    redirect_uris: ['http://127.0.0.1/callback', 'http://localhost/callback'],
    grant_types: ['authorization_code', 'refresh_token'],
  },
  // Well described, but look where their keys are.
  '/keys-inside.json': signing('https://at-10-0-0-1.hostile.example/jwks.json'),
  '/keys-redirected.json': signing('https://redirect-inside.hostile.example/jwks.json'),
};

export function json(response, document) {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document));
}

/** Servers of the pages' examples: behind a proxy that ends TLS, on this machine. */
const proxied = (name, port) => ({
  name,
  addresses: () => [PUBLIC],
  answer({ request, response }) {
    const { method, url: path, headers } = request;
    const onward = connect({ port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.writeHead(502).end());
    request.pipe(onward);
  },
});

export const apps = [proxied('auth.example.com', 8999), proxied('mcp.example.com', 8990), {
  name: 'app.example',
  addresses: () => [PUBLIC],
  answer({ request, response, url }) {
    const document = documents[request.url];
    if (!document) return response.writeHead(404).end();
    return json(response, { client_id: url, ...document });
  },
}];
