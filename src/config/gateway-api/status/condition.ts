/**
 * What status consists of: conditions, in Kubernetes' form.
 *
 * @module
 */
import type { Fault } from "../../../model/gateway-api/attachment/attachment.ts";
import type { ObjectMeta } from "../../../model/gateway-api/reference.ts";

export interface Condition {
  readonly type: string;
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
  /** Of the document that was looked at; undefined in files. */
  readonly observedGeneration: number | undefined;
}

interface Word {
  readonly reason: string;
  readonly message: string;
}

/** Conditions of one document. */
export const conditionsOf = ({ generation }: ObjectMeta) => ({
  holds: (type: string, { reason, message }: Word): Condition => ({
    type,
    status: "True",
    reason,
    message,
    observedGeneration: generation,
  }),
  /** Does not hold where there is a fault; of several the first gives the reason, and all are told. */
  unless: (type: string, faults: readonly Word[], right: Word): Condition => {
    const [first] = faults;
    const word = first === undefined ? right : { reason: first.reason, message: messageOf(faults) };
    return { type, status: first === undefined ? "True" : "False", ...word, observedGeneration: generation };
  },
});

export const messageOf = (faults: readonly Pick<Fault<string>, "message">[]): string =>
  [...new Set(faults.map((f) => f.message))].join("; ");
