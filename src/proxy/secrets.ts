/**
 * Certificates, keys and trusted roots by name, as SDS delivers them.
 *
 * @module
 */

export interface KeyPair {
  readonly certChainPem: string;
  readonly privateKeyPem: string;
}

export interface TrustedRoots {
  readonly trustedCaPem: string;
  /** Revocation lists of their authorities; undefined: none are asked. */
  readonly crlPem?: string | undefined;
}

export type SecretValue = ({ readonly t: "keyPair" } & KeyPair) | ({ readonly t: "trustedCa" } & TrustedRoots);

export class Secrets {
  readonly #values = new Map<string, SecretValue>();
  readonly #watchers = new Set<(name: string) => void>();

  get(name: string): SecretValue | undefined {
    return this.#values.get(name);
  }

  /** Names and kinds, without the secrets. */
  list(): { name: string; kind: SecretValue["t"] }[] {
    return [...this.#values].map(([name, value]) => ({ name, kind: value.t }));
  }

  set(name: string, value: SecretValue): void {
    if (same(this.#values.get(name), value)) return;
    this.#values.set(name, value);
    for (const watcher of this.#watchers) watcher(name);
  }

  /** Forgets a secret. */
  delete(name: string): void {
    if (!this.#values.delete(name)) return;
    for (const watcher of this.#watchers) watcher(name);
  }

  /** Calls `watcher` after each change with the name of what changed. */
  watch(watcher: (name: string) => void): void {
    this.#watchers.add(watcher);
  }
}

function same(a: SecretValue | undefined, b: SecretValue): boolean {
  if (a?.t === "keyPair" && b.t === "keyPair")
    return a.certChainPem === b.certChainPem && a.privateKeyPem === b.privateKeyPem;
  return a?.t === "trustedCa" && b.t === "trustedCa" && a.trustedCaPem === b.trustedCaPem && a.crlPem === b.crlPem;
}
