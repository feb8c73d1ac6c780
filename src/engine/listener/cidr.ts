/**
 * Ranges of IP addresses.
 *
 * Source: `CidrRange` of `envoy/config/core/v3/address.proto`.
 *
 * @module
 */
import { type IpBytes, parseIp } from "../../base/ip-address.ts";
import { CompileError } from "../compile-error.ts";
import type { CidrRange } from "../../xds/proto/core-address.ts";

export interface Cidr {
  /** Bits after the prefix are 0. */
  readonly bytes: IpBytes;
  readonly prefixBits: number;
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
