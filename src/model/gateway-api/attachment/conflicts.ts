/**
 * Listeners of one Gateway that cannot stand beside each other.
 *
 * Of a Gateway's own listeners all that are in each other's way are out: the specification lets nobody pick a winner. One of a
 * ListenerSet gives way to the Gateway's own and to older sets'.
 *
 * @module
 */
import type { Listener } from "../gateway.ts";
import type { ListenerFault } from "./attachment.ts";
import type { ReadyListener } from "./listeners.ts";

type Conflict = Extract<ListenerFault, { readonly condition: "Conflicted" }>;

/** @param own How many of `listeners`, the first ones, are the Gateway's own. */
export function withConflicts(listeners: readonly ReadyListener[], own: number): readonly ReadyListener[] {
  const standing: Listener[] = [];
  return listeners.map((ready, i) => {
    const rivals = i < own ? listeners.slice(0, own).flatMap((l, j) => (j === i ? [] : [l.listener])) : standing;
    const found = rivals.map((rival) => conflict(ready.listener, rival)).find((c) => c !== undefined);
    if (found === undefined) standing.push(ready.listener);
    return found === undefined ? ready : { ...ready, faults: [...ready.faults, found] };
  });
}

/** What one port carries. TLS is told apart by its names, whatever is inside. */
const FAMILY: Readonly<Record<string, string>> = { HTTP: "HTTP", HTTPS: "TLS", TLS: "TLS", TCP: "TCP", UDP: "UDP" };

function conflict(a: Listener, b: Listener): Conflict | undefined {
  const [one, other] = [FAMILY[a.protocol], FAMILY[b.protocol]];
  if (a.port !== b.port || one === undefined || other === undefined) return undefined;
  const says = (reason: Conflict["reason"], what: string): Conflict => ({
    condition: "Conflicted",
    reason,
    message: `the listener ${b.name} has port ${b.port} too, ${what}`,
    at: a.at,
  });
  // The ports of UDP are none of TCP.
  if (one !== other && (one === "UDP" || other === "UDP")) return undefined;
  if (one !== other) return says("ProtocolConflict", `for ${b.protocol}`);
  if (a.hostname !== b.hostname) return undefined;
  return says("HostnameConflict", `for ${b.hostname === undefined ? "every host" : `the host ${b.hostname}`}`);
}
