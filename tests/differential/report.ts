/**
 * Findings as a person wants them: the documents, the request as a curl command, and what the three ways made of it.
 *
 * @module
 */
import { stringify } from "yaml";
import type { Ask, Finding } from "./comparison.ts";
import { PORTS } from "./comparison.ts";

export function formatFinding({ of, ask, differences }: Finding): string {
  const documents = of.documents.map((document) => stringify(document, { lineWidth: 0 })).join("---\n");
  const request = ask === undefined ? "the documents themselves" : curl(ask);
  const lines = differences.map(
    ({ at, istio, leg, ours }) => `  ${leg} ${at}: Istio ${JSON.stringify(istio)}, ours ${JSON.stringify(ours)}`,
  );
  return [`== ${of.what}`, documents.trimEnd(), `-- ${request}`, ...lines, ""].join("\n");
}

/** For the proxy of a client of the mesh. */
function curl({ body, headers, host = "HOST", method, path, port }: Ask): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
  return [
    `curl -x $http_proxy -X ${method}`,
    ...headers.map(([name, value]) => `-H ${quoted(value === "" ? `${name};` : `${name}: ${value}`)}`),
    ...(body === "" ? [] : [`-d ${quoted(body)}`]),
    quoted(`http://${host}:${PORTS[port]}${path}`),
  ].join(" ");
}
