/**
 * Where a call to an address ends, whatever its spelling.
 *
 * Source: RFC 4291 for addresses of IPv4 in IPv6 clothes (which `base/ip-address.ts` undresses), RFC 6052 for those that a translator takes
 * off, RFC 3927 for link-local addresses.
 *
 * @module
 */
import { formatIp, type IpBytes, parseIp } from "../base/ip-address.ts";

/** `64:ff9b::/96`, behind which a NAT64 reaches all of IPv4. */
const WELL_KNOWN_PREFIX = [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];

function reached(address: string): IpBytes | undefined {
  const bytes = parseIp(address);
  const isTranslated = bytes?.length === 16 && WELL_KNOWN_PREFIX.every((byte, i) => bytes[i] === byte);
  return isTranslated ? bytes.subarray(WELL_KNOWN_PREFIX.length) : bytes;
}

/** One spelling for each; what is no address stays as it is. */
function canonical(address: string): string {
  const bytes = reached(address);
  return bytes === undefined ? address : formatIp(bytes);
}

/** And the addresses that stand for all of a machine's. */
const LOOPBACK = /^127\.|^::1$|^0\.0\.0\.0$|^::$/;

/** @param own What the machine has besides its loopback. */
export function isOfMachine(address: string, own: readonly string[]): boolean {
  const wanted = canonical(address);
  return LOOPBACK.test(wanted) || own.some((it) => canonical(it) === wanted);
}

/** Where clouds keep their metadata: link-local, and the one of IPv6 that Amazon has. */
export function isLinkLocal(address: string): boolean {
  const bytes = reached(address);
  if (bytes === undefined) return false;
  if (bytes.length === 4) return bytes[0] === 169 && bytes[1] === 254;
  const isOfAmazon = bytes[0] === 0xfd && bytes[1] === 0 && bytes[2] === 0x0e && bytes[3] === 0xc2;
  return isOfAmazon || (bytes[0] === 0xfe && ((bytes[1] ?? 0) & 0xc0) === 0x80);
}
