/**
 * IP addresses as bytes, and ranges of them.
 *
 * Source: RFC 4291 section 2.2 for the text of IPv6 addresses; `CidrRange` of `envoy/config/core/v3/address.proto`. An
 * IPv4 address in IPv6 clothes (`::ffff:10.0.0.1`) is the IPv4 address: a dual-stack socket reports it so.
 *
 * @module
 */
import { CompileError } from "../compile-error.ts";
import type { CidrRange } from "../../xds/proto/core-address.ts";

/** 4 or 16 bytes. */
export type IpBytes = Uint8Array;

export interface Cidr {
  /** Bits after the prefix are 0. */
  readonly bytes: IpBytes;
  readonly prefixBits: number;
}

/** The bytes of an address, or undefined when `text` is none. Zone identifiers are not addresses. */
export function parseIp(text: string): IpBytes | undefined {
  const bytes = text.includes(":") ? parseIpv6(text) : parseIpv4(text);
  return bytes !== undefined && isMapped(bytes) ? bytes.subarray(12) : bytes;
}

/** @throws CompileError for an address that is none, or a prefix that is longer than it. */
export function compileCidr(range: CidrRange, path: string): Cidr {
  const bytes = parseIp(range.addressPrefix ?? "");
  if (bytes === undefined)
    throw new CompileError(`${path}.address_prefix`, `must be an IP address, found "${range.addressPrefix ?? ""}"`);
  const prefixBits = range.prefixLen ?? 0;
  if (prefixBits > bytes.length * 8)
    throw new CompileError(`${path}.prefix_len`, `must be at most ${bytes.length * 8}, found ${prefixBits}`);
  return { bytes: masked(bytes, prefixBits), prefixBits };
}

export function cidrContains(cidr: Cidr, ip: IpBytes): boolean {
  if (ip.length !== cidr.bytes.length) return false;
  const whole = cidr.prefixBits >> 3;
  for (let i = 0; i < whole; i += 1) if (ip[i] !== cidr.bytes[i]) return false;
  const rest = cidr.prefixBits & 7;
  return rest === 0 || ((ip[whole] ?? 0) & (0xff00 >> rest)) === cidr.bytes[whole];
}

/** One text for ranges that hold the same addresses. */
export const cidrKey = (cidr: Cidr): string => `${cidr.bytes.join(".")}/${cidr.prefixBits}`;

/** 127.0.0.0/8 or ::1. */
export function isLoopback(ip: IpBytes): boolean {
  return ip.length === 4 ? ip[0] === 127 : ip[15] === 1 && ip.subarray(0, 15).every((byte) => byte === 0);
}

export const sameIp = (a: IpBytes, b: IpBytes): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

function masked(bytes: IpBytes, prefixBits: number): IpBytes {
  return bytes.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, prefixBits - i * 8))));
}

function parseIpv4(text: string): IpBytes | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) return undefined;
  const numbers = parts.map(Number);
  return numbers.every((n) => n < 256) ? Uint8Array.from(numbers) : undefined;
}

function parseIpv6(text: string): IpBytes | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groups(halves[0] ?? "", halves.length === 1);
  const tail = groups(halves[1] ?? "", true);
  if (head === undefined || tail === undefined) return undefined;
  const gap = 16 - head.length - tail.length;
  if (halves.length === 1 ? gap !== 0 : gap < 2) return undefined;
  return Uint8Array.from([...head, ...Array.from({ length: gap }, () => 0), ...tail]);
}

/** The bytes of groups between colons; the last may be an IPv4 address when `last` is the end of the text. */
function groups(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) bytes.push(Number.parseInt(part, 16) >> 8, Number.parseInt(part, 16) & 0xff);
    else {
      const v4 = last && i === parts.length - 1 ? parseIpv4(part) : undefined;
      if (v4 === undefined) return undefined;
      bytes.push(...v4);
    }
  }
  return bytes;
}

function isMapped(bytes: IpBytes): boolean {
  if (bytes.length !== 16 || bytes[10] !== 0xff || bytes[11] !== 0xff) return false;
  return bytes.subarray(0, 10).every((byte) => byte === 0);
}
