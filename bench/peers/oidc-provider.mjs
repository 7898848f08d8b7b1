// node oidc-provider with the clients, resources and algorithms of `scripts/bench`. What the scenarios do not ask for is
// as it comes. Everything is kept in memory, and nothing survives a restart. What differs from its defaults is listed in
// bench/src/report/performance.md.
//
//   node oidc-provider.mjs PORT FOLDER SECRET
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

const [port, , secret] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const RESOURCES = { es256: 'ES256', eddsa: 'EdDSA', rs256: 'RS256', opaque: undefined };
const identifier = (name) => `https://${name}.example/mcp`;

// The one that comes with it forgets what is not among the last thousand entries.
const store = new Map();
const ofGrant = new Map();
class Memory {
  constructor(model) { this.model = model; }
  key(id) { return `${this.model}:${id}`; }
  async upsert(id, payload) {
    const key = this.key(id);
    store.set(key, payload);
    if (payload.grantId && this.model !== 'Session') {
      const keys = ofGrant.get(payload.grantId) ?? new Set();
      ofGrant.set(payload.grantId, keys.add(key));
    }
    if (payload.uid) store.set(this.key(`uid:${payload.uid}`), id);
  }
  async find(id) {
    const payload = store.get(this.key(id));
    return payload?.exp && payload.exp * 1000 < Date.now() ? undefined : payload;
  }
  async findByUid(uid) { return this.find(store.get(this.key(`uid:${uid}`))); }
  async findByUserCode() {}
  async consume(id) { store.get(this.key(id)).consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { store.delete(this.key(id)); }
  async revokeByGrantId(grantId) {
    for (const key of ofGrant.get(grantId) ?? []) store.delete(key);
    ofGrant.delete(grantId);
  }
}

const key = async (alg, more) => {
  const { privateKey } = await generateKeyPair(alg, { extractable: true, ...more });
  return { ...(await exportJWK(privateKey)), alg, use: 'sig', kid: alg };
};
const keys = await Promise.all([key('RS256', { modulusLength: 2048 }), key('ES256'), key('EdDSA', { crv: 'Ed25519' })]);

const nobody = { redirect_uris: [], response_types: [], grant_types: [], client_secret: secret };
const provider = new Provider(issuer, {
  adapter: Memory,
  jwks: { keys },
  enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256', 'EdDSA'] },
  clients: [
    { ...nobody, client_id: 'service', grant_types: ['client_credentials'] },
    ...Object.keys(RESOURCES).map((name) => ({ ...nobody, client_id: `${name}-server` })),
    {
      client_id: 'app',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['https://app.example/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
    },
  ],
  scopes: ['openid', 'mcp:read'],
  findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
  issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true, allowedPolicy: () => true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo(_, resource) {
        const name = Object.keys(RESOURCES).find((one) => identifier(one) === resource);
        const alg = RESOURCES[name];
        const format = alg ? { accessTokenFormat: 'jwt', jwt: { sign: { alg } } } : { accessTokenFormat: 'opaque' };
        return { scope: 'mcp:read', audience: resource, ...format };
      },
    },
  },
});

// Two pages, as small as they can be: who are you, and may it.
const page = (uid, fields) => `<!DOCTYPE html><title>${uid}</title>
<form method="post" action="/interaction/${uid}">${fields}<button name="decision" value="allow">Go on</button></form>`;
const LOGIN = '<input name="login"><input name="password" type="password">';

async function consent({ grantId, session, params, prompt }) {
  const { Grant } = provider;
  const grant = (grantId && await Grant.find(grantId)) || new Grant({ accountId: session.accountId, clientId: params.client_id });
  const { missingOIDCScope, missingResourceScopes } = prompt.details;
  if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(' '));
  for (const [resource, scopes] of Object.entries(missingResourceScopes ?? {})) {
    grant.addResourceScope(resource, scopes.join(' '));
  }
  return { consent: { grantId: await grant.save() } };
}

provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/interaction/')) return next();
  const details = await provider.interactionDetails(ctx.req, ctx.res);
  if (ctx.method === 'GET') {
    ctx.type = 'html';
    ctx.body = page(details.uid, details.prompt.name === 'login' ? LOGIN : '');
    return;
  }
  let body = '';
  for await (const chunk of ctx.req) body += chunk;
  const login = new URLSearchParams(body).get('login');
  const result = details.prompt.name === 'login' ? { login: { accountId: login } } : await consent(details);
  ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: true }));
  ctx.status = 303;
});

const server = provider.listen(Number(port), '127.0.0.1', () => console.log(`oidc-provider answers at ${issuer}`));
server.keepAliveTimeout = 120_000;
