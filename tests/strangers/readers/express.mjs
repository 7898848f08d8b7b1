// A reader of express with body-parser and the TypeScript SDK. It answers with what each of its parts sees of a
// message.
import express from 'express';
import { CallToolRequestSchema, JSONRPCMessageSchema } from '@modelcontextprotocol/sdk/types.js';

const seen = (by) => ({ method, params }) => ({ by, method, name: params?.name, arguments: params?.arguments });

function views(body) {
  const bodies = (Array.isArray(body) ? body : [body]).filter((one) => one && typeof one === 'object');
  const messages = bodies.map((one) => JSONRPCMessageSchema.safeParse(one)).filter((one) => one.success);
  const calls = bodies.map((one) => CallToolRequestSchema.safeParse(one)).filter((one) => one.success);
  return [
    ...bodies.map(seen('body-parser')),
    ...messages.map(({ data }) => seen('the message of the TypeScript SDK')(data)),
    ...calls.map(({ data }) => seen('the call of the TypeScript SDK')(data)),
  ];
}

const app = express();
app.use(express.json({ limit: '64mb' }));
app.post('/mcp', (request, response) => response.json(views(request.body)));
// What body-parser does not take, nobody behind it sees.
app.use((error, request, response, next) => response.json([]));
const server = app.listen(Number(process.argv[2]), '127.0.0.1');
server.keepAliveTimeout = 0;
