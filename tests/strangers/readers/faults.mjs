// What was found wrong: all counted, the first of each kind shown, so that it can be had again.
import assert from 'node:assert/strict';

const SHOWN = 3;
const LONGEST = 1500;

export class Faults {
  #kinds = new Map();

  add(kind, { number, names = [], token, verb, headers, body }, seen) {
    const many = (this.#kinds.get(kind) ?? 0) + 1;
    this.#kinds.set(kind, many);
    if (many > SHOWN) return;
    const message = [number, names, token, verb, headers, body.toString('latin1')];
    console.log(`# ${kind}\n#   message: ${short(message)}\n#   seen: ${short(seen)}`);
  }

  none() {
    assert.equal(this.#kinds.size, 0, JSON.stringify(Object.fromEntries(this.#kinds)));
  }
}

const short = (value) => JSON.stringify(value)?.slice(0, LONGEST);
