/**
 * WorkloadEntry and WorkloadGroup to the model. Source: networking.istio.io, and Istio's validation of them.
 *
 * @module
 */
import type { ProbeCheck, WorkloadEntry, WorkloadGroup, WorkloadProbe } from "../model/external-service.ts";
import { type DocumentBody, specFields } from "./document.ts";
import { externalEndpoint } from "./endpoint.ts";
import { headerValue, isHeaderName, labels, textMap } from "./names.ts";
import type { Fields, Node, Read } from "./node.ts";
import { anyText, choice, integer, MAX_INT32, port, someOf, text, textThat } from "./read-values.ts";
import type { Tree } from "./tree.ts";

export function readWorkloadEntry(body: DocumentBody): WorkloadEntry {
  if (body.spec === undefined) body.node.fail('field "spec" is missing');
  const { labels: inherited } = body.metadata;
  return {
    origin: body.origin,
    endpoint: externalEndpoint(body.spec ?? body.node, body.metadata, { labels: inherited }),
  };
}

export function readWorkloadGroup(body: DocumentBody): WorkloadGroup {
  const spec = specFields(body, ["metadata", "template", "probe"]);
  const own = spec.at("metadata")?.fields({ known: ["labels", "annotations"] });
  own?.optional(
    "annotations",
    textMap(() => {}, anyText),
  );
  const template = spec.required("template", (node) => groupTemplate(node, body), undefined);
  return {
    origin: body.origin,
    labels: own?.optional("labels", labels) ?? {},
    template: template ?? externalEndpoint(body.node, body.metadata, NO_ADDRESS),
    probe: spec.optional("probe", probe),
  };
}

const NO_ADDRESS = { needsAddress: false };

function groupTemplate(node: Node, body: DocumentBody): WorkloadGroup["template"] {
  const read = externalEndpoint(node, body.metadata, NO_ADDRESS);
  const entries = node.tree.t === "map" ? node.tree.entries : new Map<string, { readonly value: Tree }>();
  if (entries.has("address")) node.fail("a template has no address: each machine has its own");
  if (entries.has("labels")) node.fail("labels of a group stand in metadata.labels");
  return read;
}

const COUNTS = [
  "initialDelaySeconds",
  "timeoutSeconds",
  "periodSeconds",
  "successThreshold",
  "failureThreshold",
] as const;
const CHECKS = ["httpGet", "tcpSocket", "exec", "grpc"] as const;
const SECOND_MS = 1000;

function probe(node: Node): WorkloadProbe {
  const fields = node.fields({ known: [...COUNTS, ...CHECKS] });
  const count = (name: (typeof COUNTS)[number], fallback: number): number =>
    fields.optional(name, integer(0, MAX_INT32)) || fallback;
  const given = CHECKS.filter((name) => fields.has(name));
  if (given.length > 1) node.fail(`must have one of ${CHECKS.join(", ")}, found ${given.join(" and ")}`);
  if (given.length === 0 && node.tree.t === "map") node.fail(`must have one of ${CHECKS.join(", ")}`);
  return {
    initialDelayMs: count("initialDelaySeconds", 0) * SECOND_MS,
    timeoutMs: count("timeoutSeconds", 1) * SECOND_MS,
    periodMs: count("periodSeconds", 10) * SECOND_MS,
    successThreshold: count("successThreshold", 1),
    failureThreshold: count("failureThreshold", 3),
    check: checkOf(fields) ?? { t: "exec", command: [] },
  };
}

function checkOf(fields: Fields<(typeof CHECKS)[number]>): ProbeCheck | undefined {
  return (
    fields.optional("httpGet", httpGet) ??
    fields.optional("tcpSocket", tcpSocket) ??
    fields.optional("exec", execCommand) ??
    fields.optional("grpc", grpc)
  );
}

function httpGet(node: Node): ProbeCheck {
  const fields = node.fields({ known: ["path", "port", "host", "scheme", "httpHeaders"] });
  return {
    t: "http",
    host: fields.optional("host", text),
    port: fields.required("port", port, 1),
    path:
      fields.optional(
        "path",
        textThat((path) => path.startsWith("/"), "a path, such as /healthz"),
      ) ?? "/",
    scheme: fields.optional("scheme", choice(["HTTP", "HTTPS"])) ?? "HTTP",
    headers: fields.list("httpHeaders", header),
  };
}

/** As Kubernetes takes them: fewer characters than HTTP has. */
const isProbeHeader = (name: string): boolean => isHeaderName(name) && /^[-_A-Za-z0-9]+$/.test(name);

const header: Read<{ readonly name: string; readonly value: string }> = (node) => {
  const fields = node.fields({ known: ["name", "value"] });
  return {
    name: fields.required("name", textThat(isProbeHeader, "the name of a header"), ""),
    value: fields.optional("value", headerValue) ?? "",
  };
};

function tcpSocket(node: Node): ProbeCheck {
  const fields = node.fields({ known: ["host", "port"] });
  return {
    t: "tcp",
    host: fields.optional("host", text) ?? "localhost",
    port: fields.required("port", port, 1),
  };
}

const execCommand = (node: Node): ProbeCheck => ({
  t: "exec",
  command: node.fields({ known: ["command"] }).required("command", someOf(text), []),
});

function grpc(node: Node): ProbeCheck {
  const fields = node.fields({ known: ["port", "service"] });
  return { t: "grpc", port: fields.required("port", port, 1), service: fields.optional("service", anyText) ?? "" };
}
