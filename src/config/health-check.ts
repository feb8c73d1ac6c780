/**
 * `healthCheck` of a BackendPolicy.
 *
 * @module
 */
import type { HealthCheck, HealthProbe, StatusRange } from "../model/backend-policy.ts";
import { textMap } from "./names.ts";
import type { Node } from "./node.ts";
import { anyText, choice, duration, integer, text, textThat } from "./read-values.ts";
import { quote } from "./tree.ts";

const DEFAULT_INTERVAL_MS = 10_000;
const DEFAULT_TIMEOUT_MS = 1000;
const DEFAULT_UNHEALTHY = 3;
const DEFAULT_HEALTHY = 2;
const PROBES = ["http", "grpc", "tcp"] as const;
const count = integer(1, 1000);

export function healthCheck(node: Node): HealthCheck {
  const fields = node.fields({
    known: [
      "interval",
      "timeout",
      "unhealthyInterval",
      "noTrafficInterval",
      "initialJitter",
      "unhealthyThreshold",
      "healthyThreshold",
      ...PROBES,
    ],
  });
  fields.oneOrMoreOf(PROBES);
  const given = PROBES.filter((name) => fields.has(name));
  if (given.length > 1) node.fail(`must have one of ${PROBES.join(", ")}, found ${given.join(" and ")}`);
  return {
    intervalMs: fields.optional("interval", duration) ?? DEFAULT_INTERVAL_MS,
    timeoutMs: fields.optional("timeout", duration) ?? DEFAULT_TIMEOUT_MS,
    unhealthyIntervalMs: fields.optional("unhealthyInterval", duration),
    noTrafficIntervalMs: fields.optional("noTrafficInterval", duration),
    initialJitterMs: fields.optional("initialJitter", duration),
    unhealthyThreshold: fields.optional("unhealthyThreshold", count) ?? DEFAULT_UNHEALTHY,
    healthyThreshold: fields.optional("healthyThreshold", count) ?? DEFAULT_HEALTHY,
    probe: fields.optional("http", http) ?? fields.optional("grpc", grpc) ?? fields.optional("tcp", tcp) ?? NO_PROBE,
  };
}

/** Stands for a probe that is missing, of a document that is refused. */
const NO_PROBE: HealthProbe = { t: "grpc", service: "" };

function http(node: Node): HealthProbe {
  const fields = node.fields({
    known: ["path", "method", "host", "headers", "expectedStatuses", "retriableStatuses"],
  });
  return {
    t: "http",
    path: fields.required("path", path, "/"),
    method: fields.optional("method", choice(["GET", "HEAD", "POST", "OPTIONS"])) ?? "GET",
    host: fields.optional("host", text),
    headers: fields.optional("headers", textMap(checkHeader, headerValue)) ?? {},
    expectedStatuses: fields.list("expectedStatuses", statuses),
    retriableStatuses: fields.list("retriableStatuses", statuses),
  };
}

const path = textThat((value) => /^\/[\x21-\x7e]*$/.test(value), "a path that begins with / and holds no space");
const headerValue = textThat((value) => !/[\r\n\0%]/.test(value), "text of one line without %");

const OWN_HEADERS: ReadonlySet<string> = new Set(["host", "connection", "content-length", "transfer-encoding"]);

function checkHeader(name: string, at: Node): void {
  if (!/^[!#$&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) at.failAtKey(`${quote(name)} is not the name of a header`);
  else if (OWN_HEADERS.has(name.toLowerCase())) at.failAtKey(`${quote(name)} is set by the proxy`);
}

/** `200`, or `200-299`, both ends included. */
function statuses(node: Node): StatusRange {
  const value = node.tree.t === "scalar" ? String(node.tree.value) : "";
  const [, first = "", last = first] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(value) ?? [];
  const [from, to] = [Number(first), Number(last || first)];
  if (first === "" || to < from) node.mustBe("a status such as 200, or a range such as 200-299");
  return { from, to };
}

function grpc(node: Node): HealthProbe {
  return { t: "grpc", service: node.fields({ known: ["service"] }).optional("service", anyText) ?? "" };
}

function tcp(node: Node): HealthProbe {
  const fields = node.fields({ known: ["send", "receive"] });
  return { t: "tcp", send: fields.optional("send", text), receive: fields.list("receive", text) };
}
