// One `tools/call` as it looks on the wire, for OAuth libraries that know nothing of MCP.
// Protocol 2026-07-28: stateless, so that no `initialize` comes before it.

const version = '2026-07-28';

export function toolCall(name, args = {}) {
  const meta = {
    'io.modelcontextprotocol/protocolVersion': version,
    'io.modelcontextprotocol/clientInfo': { name: 'keyward-strangers', version: '1.0.0' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  return {
    headers: new Headers({
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': version,
      'mcp-method': 'tools/call',
      'mcp-name': name,
    }),
    body: JSON.stringify({
      jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args, _meta: meta },
    }),
  };
}

/** What the tool answered, whether the server chose JSON or an event stream. */
export async function toolResult(response) {
  const raw = await response.text();
  if (response.status !== 200) throw new Error(`HTTP ${response.status}: ${raw.slice(0, 300)}`);
  const events = response.headers.get('content-type')?.startsWith('text/event-stream');
  const json = events ? raw.split('\n').filter((line) => line.startsWith('data: {')).at(-1)?.slice(6) : raw;
  const { result, error } = JSON.parse(json);
  if (error) throw new Error(`${error.code} ${error.message}`);
  if (result.isError) throw new Error(JSON.stringify(result.content));
  return result.structuredContent ?? JSON.parse(result.content[0].text);
}

/** RFC 9728: the challenge of the MCP server leads to its metadata, and that to its authorization server. */
export async function protectedResource(resource) {
  const { headers, body } = toolCall('whoami');
  const refused = await fetch(resource, { method: 'POST', headers, body });
  const challenge = refused.headers.get('www-authenticate') ?? '';
  const metadataUrl = challenge.match(/resource_metadata="([^"]+)"/)?.[1];
  if (refused.status !== 401 || !metadataUrl) throw new Error(`HTTP ${refused.status}, challenge: ${challenge}`);
  return (await fetch(metadataUrl)).json();
}
