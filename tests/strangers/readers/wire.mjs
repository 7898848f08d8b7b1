// HTTP/1.1 by the byte: what is sent and read here is nobody's idea of a good request.
import { connect } from 'node:net';

// On a machine with other things to do.
const LONGEST_WAIT = 120_000;

export class Wire {
  #held = Buffer.alloc(0);
  #wake = () => {};
  #closed = false;

  constructor(socket) {
    this.socket = socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      this.#held = this.#held.length ? Buffer.concat([this.#held, chunk]) : chunk;
      this.#wake();
    });
    const close = () => { this.#closed = true; this.#wake(); };
    socket.on('close', close).on('end', close).on('error', close);
  }

  static to(port, localAddress) {
    return new Wire(connect({ port, host: '127.0.0.1', localAddress }));
  }

  get open() {
    return !this.#closed && this.socket.writable;
  }

  close() {
    this.socket.destroy();
  }

  /** The next message: its head's lines, its body, both as they came; `null` at the end. It waits for ever if told. */
  async read({ waits = false } = {}) {
    const clock = waits ? undefined : setTimeout(() => this.close(), LONGEST_WAIT);
    try {
      return await this.#message();
    } catch (error) {
      if (error !== END) throw error;
      return null;
    } finally {
      clearTimeout(clock);
    }
  }

  async #message() {
    const head = await this.#until('\r\n\r\n');
    const [first, ...lines] = head.toString('latin1').split('\r\n').slice(0, -2);
    const headers = lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
    const message = { first, headers, bytes: head, body: Buffer.alloc(0) };
    if (/ (1\d\d|204|304) /.test(`${first} `)) return message;
    const chunked = header(message, 'transfer-encoding') !== undefined;
    message.body = chunked ? await this.#chunks() : await this.#take(Number(header(message, 'content-length') ?? 0));
    // Of one in chunks that is not what came; but no request may come in chunks.
    message.bytes = Buffer.concat([head, message.body]);
    return message;
  }

  async #chunks() {
    const chunks = [];
    for (;;) {
      const length = Number.parseInt((await this.#until('\r\n')).toString('latin1'), 16);
      chunks.push(await this.#take(length));
      await this.#until('\r\n');
      if (length === 0) return Buffer.concat(chunks);
    }
  }

  async #until(mark) {
    for (;;) {
      const at = this.#held.indexOf(mark);
      if (at >= 0) return this.#take(at + mark.length);
      await this.#more();
    }
  }

  async #take(length) {
    while (this.#held.length < length) await this.#more();
    const taken = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return taken;
  }

  #more() {
    if (this.#closed) throw END;
    return new Promise((resolve) => { this.#wake = resolve; });
  }
}

const END = new Error('the connection ended');

export const all = ({ headers }, name) => headers.filter(([own]) => own === name).map(([, value]) => value);
export const header = (message, name) => all(message, name)[0];
