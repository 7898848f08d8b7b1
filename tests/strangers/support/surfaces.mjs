// The surfaces of the demo's MCP server, and how a client without a browser comes by a credential for each.
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { required } from './checks.mjs';
import { Person } from './person.mjs';

const issuer = required('DEMO_ISSUER');
const { origin } = new URL(required('DEMO_RESOURCE'));

export const service = { clientId: 'dev-service-client', clientSecret: 'dev-service-secret' };

export const streamableHttp = (id) => `${origin}/mcp/${id}`;
export const httpWithSse = (id) => `${origin}/sse/${id}`;

/** Arguments for tools that change nothing, whichever of them a surface has. */
const harmless = {
  ping: {},
  whoami: {},
  greet: { name: 'Ada' },
  get_inbox: {},
  list_files: {},
  get_trending_topics: {},
  get_current_weather: { city: 'Oslo' },
  get_table_schema: { table_name: 'users' },
  calculate_statistics: { data_points: [1, 2, 3] },
  calculate: { expression: '6 * 7' },
  generate_random: {},
  get_memory_stats: {},
  get_user_profile: {},
};

/** Lists the tools and calls those that are harmless. */
export async function callHarmless(client, surface) {
  const listed = (await client.listTools()).tools.map(({ name }) => name);
  const called = listed.filter((name) => Object.hasOwn(harmless, name));
  assert.ok(called.length, `nothing harmless among ${listed.join(' ')}`);
  for (const name of called) {
    const result = await client.callTool({ name, arguments: harmless[name] });
    assert.ok(!result.isError, `${name} answered an error: ${JSON.stringify(result.content)}`);
    const answer = contents(result);
    if (name === 'whoami') assert.equal(answer.surface, surface);
    if (name === 'get_user_profile') assert.equal(answer.username, login.arguments.username);
  }
}

const contents = (result) => result.structuredContent ?? JSON.parse(result.content[0].text);

/** What a login by a tool is worth to a client: the headers with the session token of the result. */
export const loggedIn = (result) => bearer(contents(result).access_token);

async function post(url, body) {
  const response = await fetch(url, { method: 'POST', body: body && new URLSearchParams(body) });
  const answer = await response.json();
  if (!response.ok) throw new Error(`HTTP ${response.status}: ${JSON.stringify(answer)}`);
  return answer;
}

const devices = new Map();

/** One device for each URL, whichever client asks. */
function deviceToken(resource) {
  if (!devices.has(resource)) devices.set(resource, letDeviceIn(resource));
  return devices.get(resource);
}

/** RFC 8628, which no MCP client speaks: the code is shown, alice lets the device in, the token is fetched. */
async function letDeviceIn(resource) {
  const client_id = 'dev-device-client';
  const shown = await post(`${issuer}/device_authorization`, { client_id, resource, scope: 'mcp:read' });
  await new Person().letIn(shown.verification_uri_complete);
  await setTimeout(shown.interval * 1000);
  const grant_type = 'urn:ietf:params:oauth:grant-type:device_code';
  const answer = await post(`${issuer}/token`, { client_id, grant_type, device_code: shown.device_code, resource });
  return answer.access_token;
}

/** RFC 6749 §4.4, by hand. */
export async function serviceToken(resource) {
  const { clientId: client_id, clientSecret: client_secret } = service;
  const asked = { grant_type: 'client_credentials', scope: 'mcp:read mcp:write', client_id, client_secret, resource };
  return (await post(`${issuer}/token`, asked)).access_token;
}

const bearer = (token) => ({ authorization: `Bearer ${token}` });
const basic = (user, password) => ({ authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` });
const minted = async () => (await post(`${origin}/test-auth/bearer-token/mint`)).access_token;

const login = { name: 'authenticate_user', arguments: { username: 'testuser', password: 'TestPass123!' } };

/**
 * One line each: the surface, in words how it is entered, and the headers that do it for a URL of the surface.
 * Where an SDK has an authorization of its own for it, that is named instead; where one logs in by a tool, the call.
 */
export const entrances = [
  { surface: 'oauth', by: 'sign-in', sdk: 'signIn' },
  { surface: 'oauth', by: 'client credentials', sdk: 'clientCredentials' },
  { surface: 'client-credentials', by: 'client credentials', sdk: 'clientCredentials' },
  { surface: 'device', by: 'a token of the device grant', headers: async (url) => bearer(await deviceToken(url)) },
  { surface: 'bearer-token', by: 'the static token', headers: () => bearer('test-bearer-token') },
  { surface: 'bearer-token', by: 'a minted token', headers: async () => bearer(await minted()) },
  { surface: 'api-key', by: 'its key', headers: () => bearer('test-api-key-12345') },
  { surface: 'basic', by: 'a password', headers: () => basic('testuser', 'testpass123') },
  {
    surface: 'basic', by: 'a password of every punctuation character',
    headers: () => basic('punctuation', '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~'),
  },
  {
    surface: 'security-keys', by: 'a key in a header of its own',
    headers: () => ({ 'x-github-token': 'ghp_test1234567890abcdefghijklmnopqrstuvwxyz' }),
  },
  {
    surface: 'security-keys', by: 'two keys in two headers',
    headers: () => ({
      'x-github-token': 'ghp_test1234567890abcdefghijklmnopqrstuvwxyz',
      'x-brave-key': 'BSA_test1234567890abcdefghijklmnopqrstuvwxyz',
    }),
  },
  { surface: 'no-auth', by: 'nothing', headers: () => ({}) },
  { surface: 'session', by: 'a login', login },
];
