// What the conformance suite runs as its client: for each scenario, the `mcp-auth` commands a person would type.
// The suite appends the server's address and names the scenario in the environment.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { required } from './checks.mjs';

const url = process.argv.at(-1);
const binary = required('MCP_AUTH_BINARY');
const scenario = required('MCP_CONFORMANCE_SCENARIO');
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}');
const legacy = process.env.MCP_CONFORMANCE_PROTOCOL_VERSION < '2026';
const home = mkdtempSync(path.join(tmpdir(), 'mcp-auth-conformance-'));
const document = 'https://conformance-test.local/client-metadata.json';

/** Runs one verb; its JSON. A failure ends the scenario, as it ends a script. */
function run(verb, ...options) {
  const args = [verb, url, ...options, '--json', '--verbose', '--browser', 'follow', '--profile-home', home];
  const output = execFileSync(binary, args, { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
  process.stdout.write(output);
  return JSON.parse(output);
}

const calling = legacy ? ['--protocol', 'legacy'] : [];
const answering = [...calling, '--elicitation', 'defaults'];
const tools = (...options) => run('tools', ...calling, ...options).tools;
const callTool = (name, args = {}) =>
  run('call', 'tools/call', '--tool-name', name, '--tool-arguments', JSON.stringify(args), ...answering);
const request = (method, params = {}) => run('call', method, '--params', JSON.stringify(params), ...calling);

/** A secret of the scenario in a file of its own, as `mcp-auth` wants them. */
function file(name, text) {
  const at = path.join(home, name);
  writeFileSync(at, text, { mode: 0o600 });
  return at;
}

/** A failed call is followed by a new login: the server may have moved to another authorization server. */
function orAfterLogin(body, login) {
  try {
    body();
  } catch {
    login();
    body();
  }
}

function authorized(...options) {
  const login = () => run('login', ...options);
  login();
  tools();
  orAfterLogin(() => callTool('test-tool'), login);
}

const asCode = ['--auth-mode', 'auth-code', '--client-id', document];

const scenarios = {
  initialize: () => tools(),
  tools_call: () => { tools(); callTool('add_numbers', { a: 2, b: 3 }); },
  'elicitation-sep1034-client-defaults': () => callTool('test_client_elicitation_defaults'),
  'sse-retry': () => callTool(tools()[0].name),
  'request-metadata': () => { request('server/discover'); tools(); },
  'sep-2322-client-request-state': () => {
    const names = ['echo_state', 'unrelated', 'no_state', 'unrelated', 'no_result_type'];
    for (const name of names) callTool(`test_mrtr_${name}`);
  },
  'http-standard-headers': () => {
    tools().forEach(({ name }) => callTool(name));
    for (const { uri } of request('resources/list').resources) run('read', uri, ...calling);
    for (const { name } of request('prompts/list').prompts) request('prompts/get', { name });
  },
  'http-custom-headers': () => context.toolCalls.forEach((call) => callTool(call.name, call.arguments)),
  'http-invalid-tool-headers': () => tools().forEach(({ name }) => callTool(name, { region: 'eu' })),
  'json-schema-ref-no-deref': () => tools(),
  'json-schema-2020-12-preservation': () => {
    const schema = tools().find(({ name }) => name === 'json_schema_2020_12_tool').inputSchema;
    callTool('json_schema_echo', { schema });
  },
  'auth/pre-registration': () =>
    authorized('--auth-mode', 'auth-code', '--client-id', context.client_id,
      '--client-secret-file', file('secret', context.client_secret)),
  'auth/client-credentials-jwt': () =>
    authorized('--auth-mode', 'client-creds', '--client-id', context.client_id,
      '--private-key', file('key.pem', context.private_key_pem)),
  'auth/client-credentials-basic': () =>
    authorized('--auth-mode', 'client-creds', '--client-id', context.client_id,
      '--client-secret-file', file('secret', context.client_secret)),
  'auth/enterprise-managed-authorization': () =>
    authorized('--auth-mode', 'id-jag', '--client-id', context.client_id,
      '--client-secret-file', file('secret', context.client_secret), '--idp', context.idp_issuer,
      '--idp-client-id', context.idp_client_id, '--id-token-file', file('id_token', context.idp_id_token)),
  'auth/wif-jwt-bearer': () =>
    authorized('--auth-mode', 'jwt-bearer', '--assertion-file', file('jwt', context.valid_jwt)),
  'auth/dpop': () => authorized(...asCode, '--dpop'),
  'auth/dpop-nonce': () => authorized(...asCode, '--dpop'),
};

try {
  (scenarios[scenario] ?? (() => authorized(...asCode)))();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(home, { recursive: true, force: true });
}
