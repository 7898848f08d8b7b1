// An authorization server that does nothing but publish its key, and whoever runs it signs tokens.
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createServer } from 'node:http';

const base64url = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

export class Issuer {
  #keys = generateKeyPairSync('rsa', { modulusLength: 2048 });

  async listen() {
    const key = { ...this.#keys.publicKey.export({ format: 'jwk' }), kid: 'readers', alg: 'RS256', use: 'sig' };
    const server = createServer((request, response) => {
      const found = request.url === '/jwks' ? { keys: [key] } : { issuer: this.url, jwks_uri: `${this.url}/jwks` };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(found));
    });
    await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    this.url = `http://127.0.0.1:${server.address().port}`;
  }

  /** An access token (RFC 9068) for an hour. */
  token(resource, scope) {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: this.url, aud: resource, sub: 'somebody', client_id: 'readers', scope, jti: randomUUID(),
      iat: now, exp: now + 3600,
    };
    const signed = `${base64url({ alg: 'RS256', kid: 'readers', typ: 'at+jwt' })}.${base64url(claims)}`;
    return `${signed}.${sign('sha256', Buffer.from(signed), this.#keys.privateKey).toString('base64url')}`;
  }
}
