/**
 * Faults in words.
 *
 * @module
 */
import type { ExpectedFault } from "../../model/config-test.ts";
import type { FaultExplanation } from "../explain/explanation.ts";
import { NONE } from "./found.ts";

export const foundFaults = (faults: readonly FaultExplanation[]): string =>
  faults.map(({ kind, what, percent }) => `${kind} ${what} for ${percent} %`).join(", ") || NONE;

export function expectedFault({ delay, abort }: ExpectedFault): string {
  const faults: FaultExplanation[] = [];
  if (delay !== undefined) faults.push({ kind: "delay", what: `${delay.fixedDelayMs} ms`, percent: delay.percentage });
  if (abort !== undefined) {
    const what = abort.grpcStatus === undefined ? String(abort.httpStatus) : `gRPC status ${abort.grpcStatus}`;
    faults.push({ kind: "abort", what, percent: abort.percentage });
  }
  return foundFaults(faults);
}
