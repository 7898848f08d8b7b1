// Chance that can be had again: the same seed and number throw the same.

export class Dice {
  #state;

  constructor(seed, number) {
    this.#state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b)) | 0;
    this.#next();
  }

  // Mulberry32.
  #next() {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Less than `sides`. */
  below(sides) {
    return Math.floor(this.#next() * sides);
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  /** Once in `times`. */
  once(times) {
    return this.below(times) === 0;
  }

  some(most, make) {
    return Array.from({ length: this.below(most + 1) }, make);
  }
}
