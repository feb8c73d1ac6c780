/**
 * The PROXY protocol: who a connection is from, told before its first byte by the proxy in front.
 *
 * Source: HAProxy's "The PROXY protocol, versions 1 & 2" (2.1 the line, 2.2 the binary header). As Envoy's
 * `proxy_protocol` listener filter has it: a LOCAL header tells nothing, whatever follows in it; a header of another
 * transport than TCP or UDP, and one of version 2 for unix sockets or for no family, is refused; every TLV must fit.
 *
 * Differs: the line is read as its grammar has it, with one space between its parts and nothing behind them, and no
 * leading zeros in numbers. Envoy takes what other parsers may read in another way.
 *
 * @module
 */
import { formatIp, type IpBytes, parseIp } from "../base/ip-address.ts";

/** One end of the connection that is spoken of. */
export interface ProxiedAddress {
  /** As text; IPv6 in its shortest form, and IPv4 in IPv6 clothes without them. */
  readonly address: string;
  readonly port: number;
}

export interface ProxyHeader {
  readonly version: 1 | 2;
  /** Undefined: the connection speaks for itself (LOCAL, UNKNOWN). */
  readonly addresses: { readonly source: ProxiedAddress; readonly destination: ProxiedAddress } | undefined;
  /** Bytes that it took; what follows is the connection's own. */
  readonly size: number;
}

export type ProxyHeaderResult =
  | { readonly t: "header"; readonly header: ProxyHeader }
  | { readonly t: "incomplete" }
  /** The bytes begin no header of either version. */
  | { readonly t: "none" }
  /** No version: they began as a line, which then had no end. */
  | { readonly t: "malformed"; readonly version: 1 | 2 | undefined; readonly why: string };

/** What a line may have at most (2.1), with its CRLF. */
const MAX_LINE_BYTES = 107;
const LINE_START = Buffer.from("PROXY ");
const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const FIXED_BYTES = 16;
const VERSION_2 = 0x20;
const LOCAL = 0;
const PROXY = 1;
const STREAM = 1;
const DATAGRAM = 2;
/** Bytes of an address, by the number of its family: IPv4 and IPv6. */
const WIDTH_OF_FAMILY: readonly (number | undefined)[] = [undefined, 4, 16];
const TLV_HEADER_BYTES = 3;
/** A header that needs more is refused: TLVs are some hundred bytes, with a certificate's names in them. */
export const MAX_PROXY_HEADER_BYTES = 16 * 1024;

const INCOMPLETE: ProxyHeaderResult = { t: "incomplete" };
const NONE: ProxyHeaderResult = { t: "none" };

/** Reads a header from the first bytes of a connection. All that came so far must be given each time. */
export function readProxyHeader(bytes: Uint8Array): ProxyHeaderResult {
  if (bytes.length === 0) return INCOMPLETE;
  if (beginsWith(bytes, SIGNATURE)) return bytes.length < FIXED_BYTES ? INCOMPLETE : readVersion2(bytes);
  if (beginsWith(bytes, LINE_START)) return bytes.length < LINE_START.length ? INCOMPLETE : readLine(bytes);
  return NONE;
}

/** As far as both go. */
function beginsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  const length = Math.min(bytes.length, start.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== start[i]) return false;
  return true;
}

function malformed(version: 1 | 2 | undefined, why: string): ProxyHeaderResult {
  return { t: "malformed", version, why };
}

function readLine(bytes: Uint8Array): ProxyHeaderResult {
  const seen = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, MAX_LINE_BYTES));
  const end = seen.indexOf(10);
  if (end < 0)
    return seen.length < MAX_LINE_BYTES ? INCOMPLETE : malformed(undefined, "a line has more than 107 bytes");
  if (seen[end - 1] !== 13) return malformed(1, "the line ends without CR");
  const [, family = "", ...parts] = seen.toString("latin1", 0, end - 1).split(" ");
  // Whatever else stands on the line of an unknown connection is to be ignored (2.1).
  if (family === "UNKNOWN") return headerOf(1, undefined, end + 1);
  if (family !== "TCP4" && family !== "TCP6") return malformed(1, "the family is none of TCP4, TCP6 and UNKNOWN");
  if (parts.length !== 4) return malformed(1, "it must have two addresses and two ports");
  const [source, destination] = [ipOf(parts[0], family), ipOf(parts[1], family)];
  if (source === undefined || destination === undefined) return malformed(1, `the addresses are not two of ${family}`);
  const [sourcePort, destinationPort] = [portOf(parts[2]), portOf(parts[3])];
  if (sourcePort === undefined || destinationPort === undefined)
    return malformed(1, "the ports are not two of 0 to 65535");
  return between(1, source, sourcePort, destination, destinationPort, end + 1);
}

function ipOf(text = "", family: "TCP4" | "TCP6"): IpBytes | undefined {
  return text.includes(":") === (family === "TCP6") ? parseIp(text) : undefined;
}

function portOf(text = ""): number | undefined {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
}

function readVersion2(bytes: Uint8Array): ProxyHeaderResult {
  const versionAndCommand = bytes[12] as number;
  if ((versionAndCommand & 0xf0) !== VERSION_2) return malformed(2, "the version is not 2");
  const command = versionAndCommand & 0xf;
  const length = uint16(bytes, 14);
  const size = FIXED_BYTES + length;
  if (size > MAX_PROXY_HEADER_BYTES) return malformed(2, `it has ${size} bytes, more than ${MAX_PROXY_HEADER_BYTES}`);
  if (command === LOCAL) return bytes.length < size ? INCOMPLETE : headerOf(2, undefined, size);
  if (command !== PROXY) return malformed(2, `the command ${command} is not known`);
  const width = WIDTH_OF_FAMILY[(bytes[13] as number) >> 4];
  const transport = (bytes[13] as number) & 0xf;
  if (width === undefined) return malformed(2, "the address family is neither IPv4 nor IPv6");
  if (transport !== STREAM && transport !== DATAGRAM) return malformed(2, `the transport ${transport} is not known`);
  const ports = FIXED_BYTES + 2 * width;
  if (ports + 4 > size) return malformed(2, `${length} bytes hold no two addresses of the family`);
  if (bytes.length < size) return INCOMPLETE;
  if (!tlvsFit(bytes, ports + 4, size)) return malformed(2, "a TLV is longer than the header");
  const source = bytes.subarray(FIXED_BYTES, FIXED_BYTES + width);
  const destination = bytes.subarray(FIXED_BYTES + width, ports);
  return between(2, source, uint16(bytes, ports), destination, uint16(bytes, ports + 2), size);
}

/** The TLVs from `at` to `end` fill it. */
function tlvsFit(bytes: Uint8Array, at: number, end: number): boolean {
  while (at + TLV_HEADER_BYTES <= end) at += TLV_HEADER_BYTES + uint16(bytes, at + 1);
  return at === end;
}

function between(
  version: 1 | 2,
  source: IpBytes,
  sourcePort: number,
  destination: IpBytes,
  destinationPort: number,
  size: number,
): ProxyHeaderResult {
  if (!isUnicast(source) || !isUnicast(destination)) return malformed(version, "an address is no host's");
  const addresses = {
    source: { address: formatIp(source), port: sourcePort },
    destination: { address: formatIp(destination), port: destinationPort },
  };
  return headerOf(version, addresses, size);
}

const headerOf = (version: 1 | 2, addresses: ProxyHeader["addresses"], size: number): ProxyHeaderResult => ({
  t: "header",
  header: { version, addresses, size },
});

/** Neither the address of nobody, nor that of many. */
function isUnicast(ip: IpBytes): boolean {
  if (ip.every((byte) => byte === 0)) return false;
  if (ip.length === 16) return ip[0] !== 0xff;
  return ((ip[0] as number) & 0xf0) !== 0xe0 && !ip.every((byte) => byte === 255);
}

const uint16 = (bytes: Uint8Array, at: number): number => ((bytes[at] as number) << 8) | (bytes[at + 1] as number);

/**
 * A header for a connection. Where the two ends are not of one family there is nothing true to say: then it tells that
 * the connection speaks for itself (UNKNOWN, LOCAL).
 */
export function writeProxyHeader(version: 1 | 2, source: ProxiedAddress, destination: ProxiedAddress): Uint8Array {
  const [from, to] = [parseIp(source.address), parseIp(destination.address)];
  const isKnown = from !== undefined && from.length === to?.length;
  if (!isKnown) return version === 1 ? Buffer.from("PROXY UNKNOWN\r\n") : binary(LOCAL, 0, Buffer.alloc(0));
  if (version === 1) {
    const family = from.length === 4 ? "TCP4" : "TCP6";
    return Buffer.from(`PROXY ${family} ${formatIp(from)} ${formatIp(to)} ${source.port} ${destination.port}\r\n`);
  }
  const addresses = Buffer.concat([from, to, Buffer.alloc(4)]);
  addresses.writeUInt16BE(source.port, addresses.length - 4);
  addresses.writeUInt16BE(destination.port, addresses.length - 2);
  return binary(PROXY, ((from.length === 4 ? 1 : 2) << 4) | STREAM, addresses);
}

const binary = (command: number, kind: number, addresses: Uint8Array): Buffer =>
  Buffer.concat([SIGNATURE, Buffer.of(VERSION_2 | command, kind, 0, addresses.length), addresses]);
