/**
 * Findings as a person wants them: the documents, the request as a curl command, and what the three ways made of it.
 *
 * @module
 */
import { stringify } from "yaml";
import type { Ask, Finding } from "./comparison.ts";
import { OUTSIDE, PORTS } from "./comparison.ts";
import { DOORS } from "./rig/edge.ts";

export function formatFinding({ of, ask, differences }: Finding): string {
  const documents = of.documents.map((document) => stringify(document, { lineWidth: 0 })).join("---\n");
  const request = ask === undefined ? "the documents themselves" : curl(ask);
  const [envoy, tulle, others] = ["envoy", "tulle", undefined].map((leg) =>
    differences
      .filter((it) => (leg === undefined ? !["envoy", "tulle"].includes(it.leg) : it.leg === leg))
      .map(({ at, istio, ours }) => `${at}: Istio ${JSON.stringify(istio)}, ours ${JSON.stringify(ours)}`),
  );
  const isSame = envoy?.join() === tulle?.join();
  const lines = [
    ...section("documents", others),
    ...(isSame ? section("an Envoy with our resources, and our proxy", envoy) : []),
    ...(isSame ? [] : [...section("an Envoy with our resources", envoy), ...section("our proxy", tulle)]),
  ];
  return [`== ${of.what}`, documents.trimEnd(), `-- ${request}`, ...lines, ""].join("\n");
}

/** For the proxy of a client of the mesh. */
function curl(ask: Ask): string {
  const { body, caller = "client", headers, host = "HOST", method, path, port } = ask;
  const outside = `-H 'host: ${ask.host ?? OUTSIDE}'`;
  const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
  return [
    ask.door === undefined
      ? `curl -x $http_proxy${caller === "client" ? "" : `_of_${caller}`} -X ${method}`
      : `curl -X ${method} ${outside}`,
    ...headers.map(([name, value]) => `-H ${quoted(value === "" ? `${name};` : `${name}: ${value}`)}`),
    ...(body === "" ? [] : [`-d ${quoted(body)}`]),
    quoted(
      ask.door === undefined ? `http://${host}:${PORTS[port]}${path}` : `http://$gateway:${DOORS[ask.door]}${path}`,
    ),
  ].join(" ");
}

const MAX_LINES = 12;

function section(title: string, lines: readonly string[] = []): string[] {
  if (lines.length === 0) return [];
  const more = lines.length > MAX_LINES ? [`  … and ${lines.length - MAX_LINES} more`] : [];
  return [` ${title}:`, ...lines.slice(0, MAX_LINES).map((line) => `  ${line}`), ...more];
}
