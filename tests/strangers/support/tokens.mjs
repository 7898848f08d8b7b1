// Looking into tokens, as a test may and a client may not.

/** The claims of a JWT, unverified: the libraries and the resource server verify, the checks only read. */
export function claims(jwt) {
  const parts = jwt.split('.');
  if (parts.length !== 3) throw new Error('not a JWT');
  return JSON.parse(Buffer.from(parts[1], 'base64url'));
}

/** Fails unless the space-separated scope holds every name. */
export function assertScope(scope, ...names) {
  const held = new Set((scope ?? '').split(' '));
  const missing = names.filter((name) => !held.has(name));
  if (missing.length) throw new Error(`scope "${scope}" lacks ${missing.join(' ')}`);
}
