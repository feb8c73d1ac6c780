/**
 * A resolver whose answers a test gives, one by one.
 *
 * @module
 */
import type { DnsAnswer, DnsResolver } from "../../src/net/dns.ts";

export class ScriptedResolver implements DnsResolver {
  /** What was asked and has no answer yet: `app.test 4`. */
  readonly asked: string[] = [];
  readonly #waiting: ((answer: DnsAnswer) => void)[] = [];
  /** What was asked in all. */
  total = 0;

  lookup(name: string, version: 4 | 6, onAnswer: (answer: DnsAnswer) => void): void {
    this.total++;
    this.asked.push(`${name} ${version}`);
    this.#waiting.push(onAnswer);
  }

  /** Answers the oldest question. */
  answer(answer: DnsAnswer): void {
    const next = this.#waiting.shift();
    if (next === undefined) throw new Error("nobody asks");
    this.asked.shift();
    next(answer);
  }

  found(...addresses: readonly string[]): void {
    this.foundFor(0, ...addresses);
  }

  foundFor(ttlMs: number, ...addresses: readonly string[]): void {
    this.answer({ t: "found", records: addresses.map((address) => ({ address, ttlMs })) });
  }
}
