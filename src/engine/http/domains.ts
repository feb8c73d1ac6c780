/**
 * Virtual hosts by the domains they serve.
 *
 * Source: `VirtualHost.domains`: exact names first, then `*.suffix` and `prefix.*` (each time the longest), then `*`;
 * without regard to case. A wildcard stands for at least one character.
 *
 * @module
 */
import { CompileError } from "../compile-error.ts";

export class DomainTable<T> {
  readonly #exact = new Map<string, T>();
  readonly #suffixes = new Wildcards<T>();
  readonly #prefixes = new Wildcards<T>();
  #any: T | undefined;

  /**
   * @param pathOf Asked only where something is wrong: there are thousands of domains.
   * @throws {CompileError} When the domain is taken, or is none.
   */
  add(domain: string, value: T, pathOf: () => string): void {
    const lower = domain.toLowerCase();
    const star = lower.indexOf("*");
    const isOdd = star >= 0 && (lower.includes("*", star + 1) || (star > 0 && star < lower.length - 1));
    if (lower === "" || isOdd)
      throw new CompileError(pathOf(), `must be a domain with at most one *, at an end, found "${domain}"`);
    const isNew = star < 0 ? this.#putExact(lower, value) : this.#putWildcard(lower, value);
    if (!isNew) throw new CompileError(pathOf(), `must be in one virtual host only, found "${domain}" again`);
  }

  #putExact(lower: string, value: T): boolean {
    if (this.#exact.has(lower)) return false;
    this.#exact.set(lower, value);
    return true;
  }

  #putWildcard(lower: string, value: T): boolean {
    if (lower === "*") {
      const isNew = this.#any === undefined;
      this.#any = value;
      return isNew;
    }
    return lower.startsWith("*")
      ? this.#suffixes.put(lower.slice(1), value)
      : this.#prefixes.put(lower.slice(0, -1), value);
  }

  find(host: string): T | undefined {
    // Most hosts come in lower case: then nothing is made for them.
    const found = this.#exact.get(host);
    return found ?? this.#findIn(host.toLowerCase());
  }

  #findIn(host: string): T | undefined {
    return (
      this.#exact.get(host) ??
      this.#suffixes.find(host, (length) => host.slice(-length)) ??
      this.#prefixes.find(host, (length) => host.slice(0, length)) ??
      this.#any
    );
  }
}

class Wildcards<T> {
  readonly #byText = new Map<string, T>();
  /** Longest first. */
  #lengths: readonly number[] = [];

  put(text: string, value: T): boolean {
    const isNew = !this.#byText.has(text);
    this.#byText.set(text, value);
    if (!this.#lengths.includes(text.length)) this.#lengths = [...this.#lengths, text.length].sort((a, b) => b - a);
    return isNew;
  }

  find(host: string, part: (length: number) => string): T | undefined {
    for (const length of this.#lengths) {
      if (length >= host.length) continue;
      const found = this.#byText.get(part(length));
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
