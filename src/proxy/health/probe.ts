/**
 * Asks one endpoint whether it serves, over and over, whatever is spoken.
 *
 * @module
 */
import type { Clock } from "../../base/clock.ts";
import type { HttpProbeSettings } from "../../engine/health/probe.ts";
import type { CheckResult } from "../../engine/health/check-state.ts";
import type { Network } from "../../net/socket.ts";
import type { HostAddress } from "../host-dialer.ts";

/** What a probe needs to reach its endpoint. */
export interface ProbeWay {
  readonly network: Network;
  readonly clock: Clock;
  /** Where to. */
  readonly address: HostAddress;
  /** Whom requests name. */
  readonly host: string;
  /** A connection serves more than one check. */
  readonly reusesConnection: boolean;
  readonly timeoutMs: number;
}

export interface Probe {
  /** Asks. `done` is called once, unless {@link close} comes before. */
  ask(done: (result: CheckResult) => void): void;
  /** Gives up what runs, and closes the connection. The next {@link ask} opens another. */
  close(): void;
}

export const network = (why: string): CheckResult => ({ t: "failed", failure: "network", retriable: false, why });

/** What an answer of HTTP says. @param header Of it, by lower-case name. @param body Its first bytes. */
export function verdictOf(
  settings: HttpProbeSettings,
  status: number,
  header: (name: string) => string | undefined,
  bodyHolds: boolean,
): CheckResult {
  const failed = (why: string, retriable = false): CheckResult => ({ t: "failed", failure: "active", retriable, why });
  if (!settings.isExpected(status)) return failed(`it answered ${status}`, settings.isRetriable(status));
  if (!bodyHolds) return failed("the body of its answer is not the expected one");
  const service = settings.service === undefined ? undefined : (header("x-envoy-upstream-healthchecked-cluster") ?? "");
  if (service !== undefined && settings.service?.test(service) !== true)
    return failed(`it is of service ${JSON.stringify(service)}`);
  return { t: "passed", degraded: header("x-envoy-degraded") !== undefined };
}

/** The head that a check sends, beside the request line; servers know checks by this user agent. */
export function headersOf({ headers, withoutHeaders }: HttpProbeSettings): readonly (readonly [string, string])[] {
  return [["user-agent", "Envoy/HC"] as const, ...headers].filter(([name]) => !withoutHeaders.has(name));
}
