/**
 * The first bytes of a connection, as its listener's filters see them: fed read by read, it says what the connection is.
 *
 * Bounds: each filter has its own, all below 64 kB; what a client sends beyond it in one read is kept for the chain.
 *
 * @module
 */
import { unreachable } from "../base/unreachable.ts";
import type { CompiledListenerFilter, ListenerFilterKind } from "../engine/listener/listener-filters.ts";
import type { ListenerFilterStats } from "../telemetry/envoy-stats.ts";
import { type ClientHello, readClientHello } from "../wire/client-hello.ts";
import { inspectHttp } from "../wire/http-inspector.ts";
import { type ProxyHeader, readProxyHeader } from "../wire/proxy-protocol.ts";

/** What the filters found. */
export interface Detected {
  readonly transport: "tls" | "raw_buffer";
  /** Undefined unless a filter looked for it. */
  readonly hello: ClientHello | undefined;
  /** Protocols that the client offers over TLS, or the one that it speaks. */
  readonly alpn: readonly string[];
}

export type Verdict = { readonly t: "more" } | { readonly t: "done" } | { readonly t: "refused"; readonly why: string };

const MORE: Verdict = { t: "more" };
const DONE: Verdict = { t: "done" };
const NOTHING = new Uint8Array(0);
const FOUND = { "http/1.0": "http10Found", "http/1.1": "http11Found", h2c: "http2Found" } as const;

export class FirstBytes {
  readonly #filters: readonly CompiledListenerFilter[];
  readonly #port: number;
  readonly #stats: ListenerFilterStats | undefined;
  #at = 0;
  #bytes: Uint8Array = NOTHING;
  #length = 0;
  /** Whether the bytes are in a buffer that was made here. */
  #isOwn = false;
  #detected: Detected = { transport: "raw_buffer", hello: undefined, alpn: [] };
  /** Whom the connection speaks for, by its PROXY header. */
  addresses: ProxyHeader["addresses"];

  /** @param port That the connection came to. @param stats Undefined where nothing is to be counted. */
  constructor(filters: readonly CompiledListenerFilter[], port: number, stats: ListenerFilterStats | undefined) {
    this.#filters = filters;
    this.#port = port;
    this.#stats = stats;
  }

  get detected(): Detected {
    return this.#detected;
  }

  /** What the chain has to read: all that no filter took. */
  get rest(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** The client has said nothing to its chain, and need not say yet whom it speaks for. */
  get isSilent(): boolean {
    return this.#length === 0 && !this.#filters.some((filter, i) => i >= this.#at && this.#awaitsHeader(filter));
  }

  #awaitsHeader({ kind, isDisabled }: CompiledListenerFilter): boolean {
    return kind.t === "proxyProtocol" && !isDisabled(this.#port);
  }

  /** Takes what came. Must not be called again once it has said anything but "more". */
  push(chunk: Uint8Array): Verdict {
    this.#append(chunk);
    return this.step();
  }

  /** Goes as far as the bytes that are there allow. */
  step(): Verdict {
    for (let filter = this.#filters[this.#at]; filter !== undefined; filter = this.#filters[++this.#at]) {
      if (filter.isDisabled(this.#port)) continue;
      const verdict = this.#look(filter.kind);
      if (verdict.t !== "done") return verdict;
    }
    return DONE;
  }

  #look(kind: ListenerFilterKind): Verdict {
    switch (kind.t) {
      case "tlsInspector":
        return this.#lookForTls();
      case "httpInspector":
        return this.#lookForHttp();
      case "proxyProtocol":
        return this.#takeProxyHeader(kind);
      default:
        return unreachable(kind);
    }
  }

  #lookForTls(): Verdict {
    const result = readClientHello(this.rest);
    if (result.t === "incomplete") return MORE;
    const stats = this.#stats;
    if (result.t === "notTls") {
      stats?.tlsNotFound.add(1);
      return DONE;
    }
    const { hello } = result;
    this.#detected = { transport: "tls", hello, alpn: hello.alpn };
    stats?.tlsFound.add(1);
    (hello.sni === undefined ? stats?.sniNotFound : stats?.sniFound)?.add(1);
    (hello.alpn.length === 0 ? stats?.alpnNotFound : stats?.alpnFound)?.add(1);
    return DONE;
  }

  #lookForHttp(): Verdict {
    if (this.#detected.transport === "tls") return DONE;
    const result = inspectHttp(this.rest);
    switch (result.t) {
      case "incomplete":
        return MORE;
      case "notHttp":
        this.#stats?.httpNotFound.add(1);
        return DONE;
      case "http":
        this.#stats?.[FOUND[result.protocol]].add(1);
        this.#detected = { ...this.#detected, alpn: [result.protocol] };
        return DONE;
      default:
        return unreachable(result);
    }
  }

  #takeProxyHeader({ allowsNone, disallowedVersions }: ListenerFilterKind & { readonly t: "proxyProtocol" }): Verdict {
    const result = readProxyHeader(this.rest);
    const stats = this.#stats;
    switch (result.t) {
      case "incomplete":
        return MORE;
      case "none":
        (allowsNone ? stats?.proxyNotFoundAllowed : stats?.proxyNotFoundDisallowed)?.add(1);
        return allowsNone ? DONE : { t: "refused", why: "no PROXY protocol header" };
      case "malformed":
        if (result.version === undefined) stats?.proxyNotFoundDisallowed.add(1);
        else if (disallowedVersions.includes(result.version)) return this.#disallowed(result.version);
        else stats?.[`proxyV${result.version}Error`].add(1);
        return { t: "refused", why: `PROXY protocol: ${result.why}` };
      case "header": {
        const { addresses, size, version } = result.header;
        if (disallowedVersions.includes(version)) return this.#disallowed(version);
        stats?.[`proxyV${version}Found`].add(1);
        this.addresses = addresses;
        this.#drop(size);
        return DONE;
      }
      default:
        return unreachable(result);
    }
  }

  #disallowed(version: 1 | 2): Verdict {
    this.#stats?.[`proxyV${version}Found`].add(1);
    this.#stats?.[`proxyV${version}Disallowed`].add(1);
    return { t: "refused", why: `version ${version} of the PROXY protocol is not allowed` };
  }

  /** Room grows by doubling, so that a client that sends byte by byte costs no more than one that does not. */
  #append(chunk: Uint8Array): void {
    if (this.#length === 0) {
      this.#bytes = chunk;
      this.#isOwn = false;
    } else {
      const length = this.#length + chunk.length;
      if (!this.#isOwn || length > this.#bytes.length) this.#grow(length);
      this.#bytes.set(chunk, this.#length);
    }
    this.#length += chunk.length;
  }

  #grow(length: number): void {
    const bytes = new Uint8Array(Math.max(length, 2 * this.#length, 256));
    bytes.set(this.rest);
    this.#bytes = bytes;
    this.#isOwn = true;
  }

  #drop(size: number): void {
    this.#bytes = this.#bytes.subarray(size);
    this.#length -= size;
  }
}
