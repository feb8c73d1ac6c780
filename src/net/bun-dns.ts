/**
 * The machine's names: `/etc/hosts`, `localhost`, then the servers of `/etc/resolv.conf` or those that are given.
 *
 * Differs from libc: search domains are not tried, names are looked up as they stand. c-ares is loaded at the first lookup: most sidecars
 * look nothing up.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import type { Resolver } from "node:dns";
import type { Clock } from "../base/clock.ts";
import type { DnsAnswer, DnsRecord, DnsResolver } from "./dns.ts";

export interface DnsOptions {
  /** `10.0.0.1:53`; empty: those of the machine. */
  readonly servers: readonly string[];
  /** @default /etc/hosts */
  readonly hostsFile?: string;
}

/** Of one try; there are two. */
const TRY_TIMEOUT_MS = 2000;
const TRIES = 2;
/** Whatever the library does. */
const LOOKUP_TIMEOUT_MS = 10_000;
const MS = 1000;
const LOOPBACK = { 4: "127.0.0.1", 6: "::1" } as const;

export function bunResolver(clock: Clock, { servers, hostsFile = "/etc/hosts" }: DnsOptions): DnsResolver {
  let resolver: Promise<Resolver> | undefined;
  const load = (): Promise<Resolver> => (resolver ??= makeResolver(servers));
  return {
    lookup(name, version, onAnswer) {
      const known = inHosts(readHosts(hostsFile), name.toLowerCase(), version);
      if (known !== undefined) return queueMicrotask(() => onAnswer(known));
      const answer = once(clock, name, onAnswer);
      load().then(
        (it) => ask(it, name, version, answer),
        (cause: unknown) => answer({ t: "failed", reason: String(cause) }),
      );
    },
  };
}

async function makeResolver(servers: readonly string[]): Promise<Resolver> {
  const dns = await import("node:dns");
  const resolver = new dns.Resolver({ timeout: TRY_TIMEOUT_MS, tries: TRIES });
  if (servers.length > 0) resolver.setServers([...servers]);
  return resolver;
}

/** The first answer counts, and there is one in any case. */
function once(clock: Clock, name: string, onAnswer: (answer: DnsAnswer) => void): (answer: DnsAnswer) => void {
  let isOpen = true;
  const answer = (it: DnsAnswer): void => {
    if (!isOpen) return;
    isOpen = false;
    timer.cancel();
    onAnswer(it);
  };
  const reason = `no answer for ${name} within ${LOOKUP_TIMEOUT_MS / MS} s`;
  const timer = clock.after(LOOKUP_TIMEOUT_MS, () => answer({ t: "failed", reason }));
  return answer;
}

interface Found {
  readonly address: string;
  readonly ttl: number;
}

function ask(resolver: Resolver, name: string, version: 4 | 6, onAnswer: (answer: DnsAnswer) => void): void {
  const done = (error: NodeJS.ErrnoException | null, found: readonly Found[] | undefined): void =>
    onAnswer(answerOf(error, found));
  if (version === 4) resolver.resolve4(name, { ttl: true }, done);
  else resolver.resolve6(name, { ttl: true }, done);
}

function answerOf(error: NodeJS.ErrnoException | null, found: readonly Found[] = []): DnsAnswer {
  if (error !== null) {
    const code = (error.code ?? error.message).replace(/^DNS_/, "");
    // Bun says ENOTFOUND for both.
    if (code === "ENOTFOUND" || code === "ENODATA") return { t: "none" };
    return { t: "failed", reason: code };
  }
  if (found.length === 0) return { t: "none" };
  return { t: "found", records: found.map(({ address, ttl }): DnsRecord => ({ address, ttlMs: ttl * MS })) };
}

function readHosts(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** Undefined where the file says nothing of the name; `none` where it has addresses of the other version alone. */
function inHosts(text: string, name: string, version: 4 | 6): DnsAnswer | undefined {
  const found = text.split("\n").flatMap((line) => {
    const [address, ...names] = line.replace(/#.*/, "").trim().toLowerCase().split(/\s+/);
    return address !== undefined && names.includes(name) ? [address] : [];
  });
  const fitting = found.filter((address) => address.includes(":") === (version === 6));
  if (fitting.length > 0) return { t: "found", records: fitting.map((address) => ({ address, ttlMs: 0 })) };
  if (name === "localhost" || name.endsWith(".localhost"))
    return { t: "found", records: [{ address: LOOPBACK[version], ttlMs: 0 }] };
  return found.length > 0 ? { t: "none" } : undefined;
}
