/**
 * Names to addresses: the port that the proxy asks. `bun-dns.ts` is the machine's; tests bring their own.
 *
 * @module
 */

export interface DnsRecord {
  readonly address: string;
  /** 0: nothing is said. */
  readonly ttlMs: number;
}

export type DnsAnswer =
  /** In the order of the answer; never empty. */
  | { readonly t: "found"; readonly records: readonly DnsRecord[] }
  /** The name does not exist, or has no address of that version. */
  | { readonly t: "none" }
  /** Nobody could say. */
  | { readonly t: "failed"; readonly reason: string };

export interface DnsResolver {
  /** `onAnswer` comes exactly once, later. */
  lookup(name: string, version: 4 | 6, onAnswer: (answer: DnsAnswer) => void): void;
}

/** Knows no name. */
export const noResolver: DnsResolver = {
  lookup: (_name, _version, onAnswer) =>
    queueMicrotask(() => onAnswer({ t: "failed", reason: "this process looks no names up" })),
};
