// Makes the key of an issuer: the private half goes to the file that is named, the public set to standard output.
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
writeFileSync(process.argv[2], privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
console.log(JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'idp', alg: 'ES256', use: 'sig' }] }));
