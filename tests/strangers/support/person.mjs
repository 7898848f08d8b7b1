// A person without a browser: follows redirects, keeps cookies, fills in the forms of the pages.

export class Person {
  #cookies = new Map();
  /** The pages this person had to answer, in order: `login`, `consent`. */
  pages = [];

  constructor({ username = 'alice', password = 'password123' } = {}) {
    this.username = username;
    this.password = password;
  }

  /**
   * Opens an authorization URL, signs in and decides as asked.
   * Returns the URL the client is called back on; a page that leads nowhere is an error with its text.
   */
  async authorize(authorizationUrl, { decision = 'allow' } = {}) {
    const home = new URL(authorizationUrl).origin;
    let response = await this.open(authorizationUrl);
    for (let step = 0; step < 12; step += 1) {
      const location = response.headers.get('location');
      if (location) {
        const next = new URL(location, response.url);
        if (next.origin !== home) return next;
        response = await this.open(next);
        continue;
      }
      const html = await response.text();
      const form = findForm(html, ['login', 'consent']);
      if (!form) throw new Error(`a page with nothing to decide, HTTP ${response.status}: ${text(html)}`);
      if (form.name === 'login') {
        if (this.pages.at(-1) === 'login') throw new Error(`sign-in was refused: ${text(html)}`);
        form.fields.set('username', this.username);
        form.fields.set('password', this.password);
      } else {
        form.fields.set('decision', decision);
      }
      this.pages.push(form.name);
      response = await this.open(new URL(form.action, response.url), form.fields);
    }
    throw new Error('the pages go round in circles');
  }

  /** Opens a device's complete link, signs in and decides about the code in it (RFC 8628 §3.3.1). */
  async letIn(link, { decision = 'allow' } = {}) {
    let response = await this.open(link);
    for (let step = 0; step < 12; step += 1) {
      const location = response.headers.get('location');
      if (location) {
        response = await this.open(new URL(location, response.url));
        continue;
      }
      const html = await response.text();
      if (response.status !== 200) throw new Error(`HTTP ${response.status}: ${text(html)}`);
      const form = findForm(html, ['login', 'device', 'decision']);
      if (!form) return;
      form.fields.set('username', this.username);
      form.fields.set('password', this.password);
      form.fields.set('decision', decision);
      form.fields.set('user_code', new URL(link).searchParams.get('user_code'));
      this.pages.push(form.name);
      response = await this.open(new URL(form.action, response.url), form.fields);
    }
    throw new Error('the pages go round in circles');
  }

  /** Signs in, without anything to decide about. */
  async signIn(home) {
    const url = new URL('/login', home);
    const { fields } = findForm(await (await this.open(url)).text(), ['login']);
    fields.set('username', this.username);
    fields.set('password', this.password);
    const response = await this.open(url, fields);
    if (response.status !== 303) throw new Error(`sign-in was refused: ${text(await response.text())}`);
  }

  /** Becomes an administrator by a setup link. */
  async setUp(link) {
    const { action, fields } = findForm(await (await this.open(link)).text(), ['setup']);
    fields.set('username', this.username);
    for (const field of ['password', 'password_again']) fields.set(field, this.password);
    const response = await this.open(new URL(action, link), fields);
    const html = await response.text();
    if (response.status !== 200 || findForm(html, ['setup'])) throw new Error(`the setup was refused: ${text(html)}`);
  }

  /** One request, redirects not followed; with fields, the POST of a form. */
  async open(url, fields) {
    const headers = { accept: 'text/html', cookie: [...this.#cookies].map((pair) => pair.join('=')).join('; ') };
    // What browsers add to a form's POST, and nothing can add for them.
    if (fields) Object.assign(headers, { origin: new URL(url).origin, 'sec-fetch-site': 'same-origin' });
    const response = await fetch(url, { method: fields ? 'POST' : 'GET', body: fields, headers, redirect: 'manual' });
    for (const cookie of response.headers.getSetCookie()) {
      const [pair] = cookie.split(';');
      const equals = pair.indexOf('=');
      this.#cookies.set(pair.slice(0, equals).trim(), pair.slice(equals + 1).trim());
    }
    return response;
  }
}

/** The form whose action ends in one of the names, with its hidden fields. */
function findForm(html, names) {
  for (const [, attributes, body] of html.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gis)) {
    const action = attribute(attributes, 'action') ?? '';
    const name = names.find((end) => action.endsWith(`/${end}`));
    if (!name || attribute(attributes, 'method')?.toLowerCase() !== 'post') continue;
    const fields = new URLSearchParams();
    for (const [, input] of body.matchAll(/<input\b([^>]*)>/gi)) {
      if (attribute(input, 'type') === 'hidden') fields.set(attribute(input, 'name'), attribute(input, 'value') ?? '');
    }
    return { name, action, fields };
  }
  return undefined;
}

function attribute(tag, name) {
  const found = tag.match(new RegExp(`\\b${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, 'i'));
  return found && unescape(found[1] ?? found[2] ?? found[3]);
}

function unescape(value) {
  return value
    .replace(/&#x([0-9a-f]+);/gi, (_, code) => String.fromCodePoint(Number.parseInt(code, 16)))
    .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
    .replace(/&quot;/g, '"').replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');
}

function text(html) {
  const words = html.replace(/<(style|head)\b.*?<\/\1>/gis, ' ').replace(/<[^>]*>/g, ' ');
  return unescape(words).replace(/\s+/g, ' ').trim().slice(0, 300);
}
