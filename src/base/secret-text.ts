/**
 * Text that must not reach a log, a dump or an error by being printed along with something else.
 *
 * @module
 */

const HIDDEN = "[redacted]";

export class SecretText {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text itself: only for handing it to where it is used. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }
}
