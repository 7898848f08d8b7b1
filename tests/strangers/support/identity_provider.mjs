// An identity provider on loopback: discovery, and the token exchange that issues identity assertions (RFC 8693,
// Identity Assertion JWT Authorization Grant §4.3). Who brings which ID token is whom, it knows by heart.
import { createPrivateKey, randomUUID, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const base64url = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

export class IdentityProvider {
  /** The token exchanges it was asked for. */
  requests = [];

  constructor({ issuer, keyFile, people }) {
    this.issuer = issuer;
    this.key = createPrivateKey(readFileSync(keyFile));
    this.people = people;
  }

  async listen() {
    this.server = createServer((request, response) => this.#answer(request, response));
    await new Promise((resolve) => { this.server.listen(Number(new URL(this.issuer).port), '127.0.0.1', resolve); });
  }

  /** A compact JWS. */
  sign(claims, typ = 'oauth-id-jag+jwt') {
    const message = `${base64url({ alg: 'ES256', kid: 'idp', typ })}.${base64url(claims)}`;
    const signature = sign('sha256', Buffer.from(message), { key: this.key, dsaEncoding: 'ieee-p1363' });
    return `${message}.${signature.toString('base64url')}`;
  }

  /** The claims of an assertion about this person. */
  claims(person, { audience, resource, scope, clientId }) {
    const now = Math.floor(Date.now() / 1000);
    return {
      iss: this.issuer, sub: person.sub, email: person.email, aud: audience, client_id: clientId, resource, scope,
      jti: randomUUID(), iat: now, exp: now + 300,
    };
  }

  async #answer(request, response) {
    const json = (status, body) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (request.url.startsWith('/.well-known/')) {
      return json(200, {
        issuer: this.issuer, token_endpoint: `${this.issuer}/token`, response_types_supported: ['code'],
        authorization_endpoint: `${this.issuer}/authorize`,
      });
    }
    let body = '';
    for await (const chunk of request) body += chunk;
    const asked = Object.fromEntries(new URLSearchParams(body));
    this.requests.push(asked);
    const person = this.people[asked.subject_token];
    if (request.url !== '/token' || !person) return json(400, { error: 'invalid_request' });
    const { audience, resource, scope, client_id: clientId } = asked;
    return json(200, {
      access_token: this.sign(this.claims(person, { audience, resource, scope, clientId })),
      issued_token_type: 'urn:ietf:params:oauth:token-type:id-jag', token_type: 'N_A', expires_in: 300,
    });
  }
}
