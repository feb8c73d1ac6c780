/**
 * XBackendTrafficPolicy: how many of the calls to a backend may be retries, and sessions with it.
 *
 * Source: gateway.networking.x-k8s.io/v1alpha1, GEP-3388 and GEP-1619; defaults as there.
 *
 * Differs: retries that are always allowed are so many at once, as Envoy counts them, and not in an interval.
 *
 * @module
 */
import type { RetryBudget } from "../../model/destination-rule.ts";
import type { BackendTrafficPolicy, PolicyTarget } from "../../model/gateway-api/policy.ts";
import { type DocumentBody, specFields } from "../document.ts";
import type { Node, Read } from "../node.ts";
import { integer } from "../read-values.ts";
import { gatewayDuration } from "./durations.ts";
import { listOf } from "./lists.ts";
import { groupName, kindName, referredName } from "./names.ts";
import { fieldPlace, objectMeta } from "./references.ts";
import { sessionPersistence } from "./session-persistence.ts";

export function readBackendTrafficPolicy(body: DocumentBody): BackendTrafficPolicy {
  const spec = specFields(body, ["targetRefs", "retryConstraint", "sessionPersistence"]);
  const targets = listOf(target, { min: 1, max: 16, key: (t) => `${t.group} ${t.kind} ${t.name}` });
  return {
    meta: objectMeta(body),
    targets: spec.required("targetRefs", targets, []),
    retryBudget: spec.optional("retryConstraint", retryConstraint),
    sessionPersistence: spec.optional("sessionPersistence", sessionPersistence),
  };
}

/** Without a section: the policy is for the whole of its target. */
function target(node: Node): PolicyTarget {
  const fields = node.fields({ known: ["group", "kind", "name"] });
  return {
    at: fieldPlace(node),
    group: fields.required("group", groupName, ""),
    kind: fields.required("kind", kindName, ""),
    name: fields.required("name", referredName, ""),
    sectionName: undefined,
  };
}

const DEFAULT_PERCENT = 20;
const DEFAULT_INTERVAL_MS = 10_000;
const DEFAULT_RATE = 10;
const MAX_RATE = 1_000_000;

function retryConstraint(node: Node): RetryBudget {
  const fields = node.fields({ known: ["budget", "minRetryRate"] });
  return {
    ...(fields.optional("budget", budget) ?? { percent: DEFAULT_PERCENT, budgetIntervalMs: DEFAULT_INTERVAL_MS }),
    minRetryConcurrency: fields.optional("minRetryRate", rate) ?? DEFAULT_RATE,
  };
}

function budget(node: Node): Pick<RetryBudget, "percent" | "budgetIntervalMs"> {
  const fields = node.fields({ known: ["percent", "interval"] });
  return {
    percent: fields.optional("percent", integer(0, 100)) ?? DEFAULT_PERCENT,
    budgetIntervalMs: fields.optional("interval", interval) ?? DEFAULT_INTERVAL_MS,
  };
}

function rate(node: Node): number {
  const fields = node.fields({ known: ["count", "interval"] });
  fields.optional("interval", interval);
  fields.at("interval")?.warn("has no effect: so many retries may always run at once");
  return fields.optional("count", integer(1, MAX_RATE)) ?? DEFAULT_RATE;
}

const SECOND_MS = 1000;
const HOUR_MS = 3_600_000;

const interval: Read<number> = (node) => {
  const ms = gatewayDuration(node);
  if (ms < SECOND_MS || ms > HOUR_MS) node.fail("must be from 1s to 1h");
  return ms;
};
