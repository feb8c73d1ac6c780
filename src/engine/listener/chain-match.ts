/**
 * Which filter chain takes a connection.
 *
 * Source: `FilterChainMatch` of `envoy/config/listener/v3/listener_components.proto`. The criteria are met in the order
 * of that file, each time by its most specific value that exists, and there is no way back: a connection that fails a
 * later criterion below a specific value does not try a wider value of an earlier one.
 *
 * Not here: `address_suffix`, `suffix_len` (Envoy has none either), and matching by a generic matcher tree.
 *
 * @module
 */
import { type IpBytes, parseIp } from "../../base/ip-address.ts";
import { CompileError, refuseOthers } from "../compile-error.ts";
import type { CidrRange } from "../../xds/proto/core-address.ts";
import type { FilterChainMatch } from "../../xds/proto/listener.ts";
import { type Cidr, cidrContains, cidrKey, compileCidr, isLoopback, sameIp } from "./cidr.ts";

/** What is known of a connection once its first bytes have been looked at. */
export interface ConnectionFacts {
  readonly destinationPort: number;
  /** An IP address; empty for a unix socket. */
  readonly destinationAddress: string;
  /** Server name of the TLS ClientHello, in lower case; empty when there is none. */
  readonly sni: string;
  readonly transport: "tls" | "raw_buffer";
  /** Protocols that the client offers, its first choice first. */
  readonly alpn: readonly string[];
  /** The client: behind a PROXY protocol header, the one that the header names. */
  readonly sourceAddress: string;
  readonly sourcePort: number;
  /** The other end of the connection itself. Default: `sourceAddress`. */
  readonly directSourceAddress?: string;
}

/** Chooses the most specific branch of one criterion, or undefined when none takes the connection. */
type Criterion = (facts: ConnectionFacts) => string | undefined;

interface Leaf<C> {
  readonly t: "leaf";
  readonly chain: C;
}

interface Branch<C> {
  readonly t: "branch";
  readonly choose: Criterion;
  readonly children: ReadonlyMap<string, Node<C>>;
}

type Node<C> = Leaf<C> | Branch<C>;

export interface MatchedChain<C> {
  readonly match: FilterChainMatch | undefined;
  readonly chain: C;
  /** Path of the chain, for errors. */
  readonly path: string;
}

/** Any value of a criterion. */
const ANY = "";
/** Where a unix socket stands among IP addresses: outside every range but the whole. */
const NOWHERE: IpBytes = Uint8Array.of(255, 255, 255, 255);

const KNOWN = new Set([
  "destinationPort",
  "prefixRanges",
  "serverNames",
  "transportProtocol",
  "applicationProtocols",
  "directSourcePrefixRanges",
  "sourceType",
  "sourcePrefixRanges",
  "sourcePorts",
]);

/**
 * Compiles the matches of all chains into one choice.
 *
 * @throws CompileError when two chains take the same connections, and for values that are not valid.
 */
export function compileChainMatch<C>(chains: readonly MatchedChain<C>[]): (facts: ConnectionFacts) => C | undefined {
  const root = grow(chains.flatMap(rowsOf), 0);
  return (facts) => {
    let node: Node<C> | undefined = root;
    while (node?.t === "branch") {
      const key: string | undefined = node.choose(facts);
      node = key === undefined ? undefined : node.children.get(key);
    }
    return node?.chain;
  };
}

/** One combination of values that leads to a chain; a chain with lists has one row for each combination. */
interface Row<C> extends MatchedChain<C> {
  readonly values: readonly string[];
}

function rowsOf<C>(entry: MatchedChain<C>): Row<C>[] {
  const match = entry.match ?? {};
  const path = `${entry.path}.filter_chain_match`;
  refuseOthers(match, path, KNOWN);
  let rows: readonly (readonly string[])[] = [[]];
  for (const values of criteriaOf(match, path)) rows = rows.flatMap((row) => values.map((value) => [...row, value]));
  return rows.map((values) => ({ ...entry, values }));
}

/** The values of each criterion, in the order in which they are met. */
function criteriaOf(match: FilterChainMatch, path: string): readonly (readonly string[])[] {
  const sourceType = match.sourceType ?? "ANY";
  return [
    [match.destinationPort === undefined ? ANY : String(match.destinationPort)],
    rangeValues(match.prefixRanges, `${path}.prefix_ranges`),
    orAny((match.serverNames ?? []).map((name, i) => serverName(name, `${path}.server_names[${i}]`))),
    [match.transportProtocol ?? ANY],
    orAny(match.applicationProtocols ?? []),
    rangeValues(match.directSourcePrefixRanges, `${path}.direct_source_prefix_ranges`),
    [sourceType === "ANY" ? ANY : sourceType],
    rangeValues(match.sourcePrefixRanges, `${path}.source_prefix_ranges`),
    orAny((match.sourcePorts ?? []).map(String)),
  ];
}

/** How each criterion chooses among the values that exist below one branch. */
const CHOOSERS: readonly ((values: readonly string[]) => Criterion)[] = [
  (values) => byValue(values, (facts) => String(facts.destinationPort)),
  (values) => byRange(values, (facts) => facts.destinationAddress),
  byServerName,
  (values) => byValue(values, (facts) => facts.transport),
  byProtocol,
  (values) => byRange(values, (facts) => facts.directSourceAddress ?? facts.sourceAddress),
  bySourceType,
  (values) => byRange(values, (facts) => facts.sourceAddress),
  (values) => byValue(values, (facts) => String(facts.sourcePort)),
];

function grow<C>(rows: readonly Row<C>[], depth: number): Node<C> | undefined {
  const first = rows[0];
  if (first === undefined) return undefined;
  const chooser = CHOOSERS[depth];
  if (chooser === undefined) {
    const other = rows.find((row) => row.path !== first.path);
    if (other !== undefined)
      throw new CompileError(`${other.path}.filter_chain_match`, `takes connections that ${first.path} takes already`);
    return { t: "leaf", chain: first.chain };
  }
  const below = new Map<string, Row<C>[]>();
  for (const row of rows) {
    const value = row.values[depth] ?? ANY;
    const others = below.get(value);
    if (others === undefined) below.set(value, [row]);
    else others.push(row);
  }
  const children = new Map<string, Node<C>>();
  for (const [value, some] of below) {
    const child = grow(some, depth + 1);
    if (child !== undefined) children.set(value, child);
  }
  return { t: "branch", choose: chooser([...below.keys()]), children };
}

function byValue(values: readonly string[], of: (facts: ConnectionFacts) => string): Criterion {
  const known = new Set(values);
  const any = known.has(ANY) ? ANY : undefined;
  return (facts) => {
    const value = of(facts);
    return known.has(value) ? value : any;
  };
}

/** The exact name, then `*.` wildcards from the longest. A wildcard takes the names below it at any depth. */
function byServerName(values: readonly string[]): Criterion {
  const known = new Set(values);
  const any = known.has(ANY) ? ANY : undefined;
  return ({ sni }) => {
    if (sni !== "" && known.has(sni)) return sni;
    for (let dot = sni.indexOf(".", 1); dot > 0 && dot < sni.length - 1; dot = sni.indexOf(".", dot + 1)) {
      const wildcard = `*${sni.slice(dot)}`;
      if (known.has(wildcard)) return wildcard;
    }
    return any;
  };
}

function byProtocol(values: readonly string[]): Criterion {
  const known = new Set(values);
  const any = known.has(ANY) ? ANY : undefined;
  return ({ alpn }) => alpn.find((protocol) => protocol !== ANY && known.has(protocol)) ?? any;
}

function bySourceType(values: readonly string[]): Criterion {
  const known = new Set(values);
  const any = known.has(ANY) ? ANY : undefined;
  if (known.size === 1 && any !== undefined) return () => any;
  return ({ sourceAddress, destinationAddress }) => {
    const source = ipOf(sourceAddress);
    const local = isLoopback(source) || sameIp(source, ipOf(destinationAddress));
    const type = local ? "SAME_IP_OR_LOOPBACK" : "EXTERNAL";
    return known.has(type) ? type : any;
  };
}

/** The range with the longest prefix. */
function byRange(values: readonly string[], of: (facts: ConnectionFacts) => string): Criterion {
  const any = values.includes(ANY) ? ANY : undefined;
  const ranges = values
    .filter((value) => value !== ANY)
    .map((value) => ({ value, cidr: cidrOfKey(value) }))
    .sort((a, b) => b.cidr.prefixBits - a.cidr.prefixBits);
  if (ranges.length === 0) return () => any;
  return (facts) => {
    const ip = ipOf(of(facts));
    return ranges.find(({ cidr }) => cidrContains(cidr, ip))?.value ?? any;
  };
}

function rangeValues(ranges: readonly CidrRange[] | undefined, path: string): readonly string[] {
  return orAny((ranges ?? []).map((range, i) => cidrKey(compileCidr(range, `${path}[${i}]`))));
}

function cidrOfKey(key: string): Cidr {
  const slash = key.indexOf("/");
  return {
    bytes: Uint8Array.from(key.slice(0, slash).split(".").map(Number)),
    prefixBits: Number(key.slice(slash + 1)),
  };
}

function serverName(name: string, path: string): string {
  if (name === "" || name.lastIndexOf("*") > 0 || (name.startsWith("*") && !name.startsWith("*.")))
    throw new CompileError(path, `must be a host name, or one with "*." before it, found "${name}"`);
  return name.toLowerCase();
}

/** Each value once; any value where there is none. */
const orAny = (values: readonly string[]): readonly string[] => (values.length === 0 ? [ANY] : [...new Set(values)]);

const ipOf = (address: string): IpBytes => parseIp(address) ?? NOWHERE;
