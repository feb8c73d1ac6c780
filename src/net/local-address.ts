/**
 * The addresses of this machine.
 *
 * @module
 */
import { networkInterfaces } from "node:os";

/** All that this machine has now, of both versions. */
export const localAddresses = (): string[] =>
  Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address) ?? []);

/** As Envoy finds its own: the first of IPv4 that is not the loopback. */
export function localAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "127.0.0.1";
}
