/**
 * What comes to one address and port that captured applications call: of several services that share it, as Istio lets them.
 *
 * Source: istiod. HTTP is told from the rest by its first bytes, TLS by the name that it asks for, and of what is left the first service has all. A port
 * that says that it is HTTP and one that is found out share HTTP alone, where the first came first.
 *
 * @module
 */
import type { FilterChain, FilterChainMatch, NetworkFilter } from "../../xds/proto/listener.ts";
import { PLAIN_HTTP } from "../detection.ts";

/** The port says that it is HTTP, or it is found out. */
type HttpKind = "said" | "found";

export class Place {
  readonly address: string;
  readonly port: number;
  readonly #chains: FilterChain[] = [];
  readonly #taken = new Set<string>();
  #http: HttpKind | undefined;
  /** What nothing else takes; the first has it. */
  #rest: NetworkFilter | undefined;

  constructor(address: string, port: number) {
    this.address = address;
    this.port = port;
  }

  get isHttp(): boolean {
    return this.#http !== undefined;
  }

  get chains(): readonly FilterChain[] {
    return this.#chains;
  }

  get rest(): NetworkFilter | undefined {
    return this.#rest;
  }

  /** Some chain looks at the name that TLS asks for. */
  get asksForNames(): boolean {
    return this.#chains.some(({ filterChainMatch }) => filterChainMatch?.serverNames !== undefined);
  }

  /** @param manager Made where nothing serves HTTP here yet. */
  addHttp(kind: HttpKind, manager: () => NetworkFilter): void {
    if (this.#http === undefined)
      this.#chains.push({
        filterChainMatch: { transportProtocol: "raw_buffer", applicationProtocols: PLAIN_HTTP },
        filters: [manager()],
      });
    this.#http ??= kind;
  }

  /** Whether what is no HTTP of a port that is found out has no way here. */
  get isSaidToBeHttp(): boolean {
    return this.#http === "said";
  }

  /** Connections that ask for a name, or were meant for a range of addresses. Whoever is first has them: Envoy refuses doubles. */
  addMatched(match: FilterChainMatch, filter: NetworkFilter): void {
    const ranges = JSON.stringify(match.prefixRanges ?? []);
    const fresh = (name: string): boolean => !this.#taken.has(`${name} ${ranges}`);
    const names = match.serverNames?.filter(fresh);
    if (names === undefined ? !fresh("") : names.length === 0) return;
    for (const name of names ?? [""]) this.#taken.add(`${name} ${ranges}`);
    const filterChainMatch = names === undefined ? match : { ...match, serverNames: names };
    this.#chains.push({ filterChainMatch, filters: [filter] });
  }

  addRest(filter: () => NetworkFilter): void {
    this.#rest ??= filter();
  }
}
