/**
 * The address of this machine, as Envoy finds its own: the first of IPv4 that is not the loopback.
 *
 * @module
 */
import { networkInterfaces } from "node:os";

export function localAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "127.0.0.1";
}
