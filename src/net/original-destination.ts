/**
 * Where a connection was dialed to, before the kernel led it here: nftables or iptables `redirect`.
 *
 * Source: `SO_ORIGINAL_DST` of `linux/netfilter_ipv4.h`, `IP6T_SO_ORIGINAL_DST` of `linux/netfilter_ipv6/ip6_tables.h`: the address that the
 * connection had when it was first seen, as a `sockaddr_in` or `sockaddr_in6`. Linux; elsewhere nothing is redirected.
 *
 * @module
 */
import { dlopen, ptr, read } from "bun:ffi";
import { formatIp } from "../base/ip-address.ts";
import type { SocketAddress } from "./socket.ts";

const SOL_IP = 0;
const SOL_IPV6 = 41;
const SO_ORIGINAL_DST = 80;
const SOCKADDR_IN_BYTES = 16;
const SOCKADDR_IN6_BYTES = 28;
/** Where the parts lie in a `sockaddr`; the length that the kernel reads and writes stands behind the largest. */
const PORT = 2;
const ADDRESS_V4 = 4;
const ADDRESS_V6 = 8;
const LENGTH = 32;
const MEMORY_BYTES = 40;

const SYMBOLS = { getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" } } as const;

type GetSocketOption = ReturnType<typeof dlopen<typeof SYMBOLS>>["symbols"]["getsockopt"];

function load(): GetSocketOption | undefined {
  if (process.platform !== "linux") return undefined;
  for (const name of ["libc.so.6", "libc.so"]) {
    try {
      return dlopen(name, SYMBOLS).symbols.getsockopt;
    } catch {
      // The other C library, then.
    }
  }
  throw new Error("captured traffic needs the C library as libc.so.6 or libc.so: neither can be loaded");
}

/** Loaded at the first question: most proxies never ask. */
let kernel: { readonly ask: GetSocketOption | undefined; readonly view: DataView; readonly at: number } | undefined;

function opened(): NonNullable<typeof kernel> {
  const memory = new ArrayBuffer(MEMORY_BYTES);
  return { ask: load(), view: new DataView(memory), at: ptr(memory) as number };
}

/**
 * Where the connection of `fd` was meant to go; undefined where it was not redirected.
 *
 * @param local Its own end, as `getsockname` gives it: the kernel says the same of a connection that it knows and did not redirect.
 */
export function originalDestination(fd: number, local: SocketAddress): SocketAddress | undefined {
  kernel ??= opened();
  const found = local.address.includes(":") ? (askV6(fd) ?? askV4(fd)) : askV4(fd);
  return found === undefined || (found.port === local.port && found.address === local.address) ? undefined : found;
}

const askV4 = (fd: number): SocketAddress | undefined => ask(fd, SOL_IP, SOCKADDR_IN_BYTES, ADDRESS_V4, 4);
const askV6 = (fd: number): SocketAddress | undefined => ask(fd, SOL_IPV6, SOCKADDR_IN6_BYTES, ADDRESS_V6, 16);

function ask(fd: number, level: number, size: number, from: number, addressBytes: number): SocketAddress | undefined {
  const { ask: getsockopt, view, at } = kernel as NonNullable<typeof kernel>;
  if (getsockopt === undefined) return undefined;
  view.setUint32(LENGTH, size, true);
  if (getsockopt(fd, level, SO_ORIGINAL_DST, at as never, (at + LENGTH) as never) !== 0) return undefined;
  // By address: what the kernel has written may not be seen through a view.
  const byte = (offset: number): number => read.u8(at as never, offset);
  const bytes = Uint8Array.from({ length: addressBytes }, (_, i) => byte(from + i));
  return { address: formatIp(bytes), port: (byte(PORT) << 8) | byte(PORT + 1) };
}
