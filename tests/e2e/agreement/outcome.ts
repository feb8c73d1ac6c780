/**
 * What came of a probe in one mesh, in a form that is the same in another.
 *
 * @module
 */
import { type Answer, call } from "../support/call.ts";
import type { MeshRun } from "../support/mesh-run.ts";
import type { Probe } from "./probes.ts";

export interface Outcome {
  /** 0: the connection was closed without an answer. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** What the echo saw, or the proxy's own text. */
  readonly body: unknown;
  /** Of each proxy that the request passed, what it logged: request, status, flags, details, route. */
  readonly logs: readonly string[];
}

/** Asks. The id finds the lines in the logs. */
export async function ask(mesh: MeshRun, { body, from, headers, method, url }: Probe, id: string): Promise<Outcome> {
  const { hostname, pathname, search } = new URL(url);
  const target = from === undefined ? `${mesh.url(hostname)}${pathname}${search}` : url;
  const options = { method, headers: { ...headers, "x-request-id": id }, ...(body === undefined ? {} : { body }) };
  try {
    const via = from === undefined ? {} : { via: mesh.proxy(from).outbound };
    const answer = await call(target, { ...options, ...via });
    return { ...comparable(answer, id), logs: [] };
  } catch {
    return { status: 0, headers: {}, body: undefined, logs: [] };
  }
}

/** An answer and what the echo behind it saw, in a form that is the same in another mesh. */
export const comparable = ({ status, headers, body }: Answer, id: string): Omit<Outcome, "logs"> => ({
  status,
  headers: stable([...headers], id),
  body: seen(body, id),
});

function seen(text: string, id: string): unknown {
  if (!text.startsWith("{")) return text;
  const { headers, ...rest } = JSON.parse(text) as { readonly headers: Record<string, string> };
  return { ...rest, headers: stable(Object.entries(headers), id) };
}

/** Values that differ from mesh to mesh, or from time to time, by the header's name. */
const VOLATILE: Readonly<Record<string, readonly [RegExp, string]>> = {
  date: [/.+/, "a date"],
  "x-envoy-upstream-service-time": [/^\d+$/, "milliseconds"],
  traceparent: [/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-9a-f]$/, "a trace"],
  "x-forwarded-client-cert": [/Hash=[0-9a-f]{64}/g, "Hash=…"],
  host: [/^127\.0\.0\.1:\d+$/, "the entry"],
  // The echo tells what it saw, and that has the values above in it.
  "content-length": [/^\d{3,}$/, "some bytes"],
};

function stable(headers: readonly (readonly [string, string])[], id: string): Record<string, string> {
  return Object.fromEntries(
    headers.map(([name, value]) => {
      const [pattern, word] = VOLATILE[name] ?? [];
      return [name, (pattern === undefined ? value : value.replace(pattern, word ?? "")).replace(id, "the id")];
    }),
  );
}

/** Istio's text format, as far as it is the same in two meshes. */
const LINE = /^\[[^\]]*\] "([A-Z-]+ .*? HTTP\/[\d.]+)" (\d+) (\S+) (\S+) /;

/** The lines of a request in the logs of `workloads`. */
export function logsOf(mesh: MeshRun, workloads: readonly string[], id: string): string[] {
  return workloads
    .flatMap((workload) => {
      const lines = mesh.log(workload, "proxy").split("\n");
      return lines.filter((line) => line.includes(id)).map((line) => `${workload}: ${shortened(line)}`);
    })
    .sort();
}

function shortened(line: string): string {
  const [, request = "?", status = "?", flags = "?", details = "?"] = LINE.exec(line) ?? [];
  return `${request} ${status} ${flags} ${details} route ${line.slice(line.lastIndexOf(" ") + 1)}`;
}
