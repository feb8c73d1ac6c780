/**
 * When each resource came and in which version, and why one was refused: for whoever asks what a proxy has.
 *
 * @module
 */

export interface LedgerEntry {
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly atMs: number;
}

export interface LedgerRejection extends LedgerEntry {
  readonly reason: string;
}

export class ResourceLedger {
  readonly #accepted = new Map<string, LedgerEntry>();
  readonly #rejected = new Map<string, LedgerRejection>();

  of(typeUrl: string, name: string): LedgerEntry | undefined {
    return this.#accepted.get(key(typeUrl, name));
  }

  /** Of a version later than what is live. */
  rejectionOf(typeUrl: string, name: string): LedgerRejection | undefined {
    return this.#rejected.get(key(typeUrl, name));
  }

  accept(typeUrl: string, name: string, entry: LedgerEntry): void {
    this.#accepted.set(key(typeUrl, name), entry);
    this.#rejected.delete(key(typeUrl, name));
  }

  reject(typeUrl: string, name: string, rejection: LedgerRejection): void {
    this.#rejected.set(key(typeUrl, name), rejection);
  }

  remove(typeUrl: string, name: string): void {
    this.#accepted.delete(key(typeUrl, name));
    this.#rejected.delete(key(typeUrl, name));
  }
}

const key = (typeUrl: string, name: string): string => `${typeUrl} ${name}`;
