// What a host of the TypeScript SDKs writes: an `OAuthClientProvider`, here keeping everything in memory.
// Both SDK generations take the same shape; members that only one of them knows are harmless to the other.

export class MemoryProvider {
  #client;
  #tokens;
  #verifier;
  #discovery;
  #state;
  /** The URL the person was last sent to. */
  authorizationUrl;
  /** What the SDK declared dead: `tokens`, `client`, `all`. */
  invalidated = [];

  constructor({ clientName, redirectUrl, scope, clientMetadataUrl }) {
    this.redirectUrl = redirectUrl;
    this.clientMetadataUrl = clientMetadataUrl;
    this.clientMetadata = {
      client_name: clientName,
      redirect_uris: [redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      ...(scope && { scope }),
    };
  }

  state() {
    this.#state = crypto.randomUUID();
    return this.#state;
  }
  /** The callback's parameters, once their `state` is known to be ours. */
  callback(url) {
    if (url.searchParams.get('state') !== this.#state) throw new Error('the callback has a foreign state');
    return url.searchParams;
  }
  clientInformation() { return this.#client; }
  saveClientInformation(client) { this.#client = client; }
  tokens() { return this.#tokens; }
  saveTokens(tokens) { this.#tokens = tokens; }
  saveCodeVerifier(verifier) { this.#verifier = verifier; }
  codeVerifier() { return this.#verifier; }
  saveDiscoveryState(state) { this.#discovery = state; }
  discoveryState() { return this.#discovery; }
  redirectToAuthorization(url) { this.authorizationUrl = url; }
  invalidateCredentials(what) {
    this.invalidated.push(what);
    if (what === 'all' || what === 'tokens') this.#tokens = undefined;
    if (what === 'all' || what === 'client') this.#client = undefined;
  }
}
