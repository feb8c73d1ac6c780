/**
 * `tulle.dev/v1 Workload`: a thing that runs on this machine, which no other API can say.
 *
 * @module
 */
import { dirname, resolve } from "node:path";
import type { Workload, WorkloadProcess } from "../model/service.ts";
import { type DocumentBody, specFields } from "./document.ts";
import { objectName, textMap } from "./names.ts";
import type { Fields, Node } from "./node.ts";
import { anyText, port, someOf, text } from "./read-values.ts";
import { quote } from "./tree.ts";

const PROCESS = ["command", "env", "workingFolder"] as const;

export function readWorkload(body: DocumentBody): Workload {
  const spec = specFields(body, ["serviceAccount", "ports", ...PROCESS]);
  return {
    origin: body.origin,
    name: body.metadata.name,
    namespace: body.metadata.namespace,
    labels: body.metadata.labels,
    serviceAccount: spec.optional("serviceAccount", objectName) ?? "default",
    ports: spec.optional("ports", ports) ?? [],
    process: readProcess(spec, body),
  };
}

function ports(node: Node): readonly number[] {
  const seen = new Set<number>();
  for (const item of node.items()) {
    const number = port(item);
    if (seen.has(number)) item.fail(`the port ${number} stands twice`);
    seen.add(number);
  }
  return [...seen];
}

function readProcess(spec: Fields<(typeof PROCESS)[number]>, body: DocumentBody): WorkloadProcess | undefined {
  const command = spec.optional("command", someOf(text));
  const environment = spec.optional("env", textMap(checkVariable, anyText)) ?? {};
  const folder = spec.optional("workingFolder", text) ?? ".";
  if (command !== undefined) {
    return { command, environment, workingFolder: resolve(dirname(body.origin.place.file), folder) };
  }
  for (const name of ["env", "workingFolder"] as const) spec.at(name)?.failAtKey('has no effect without "command"');
  return undefined;
}

function checkVariable(name: string, at: Node): void {
  if (name === "" || /[=\0]/.test(name)) at.failAtKey(`${quote(name)} is not the name of an environment variable`);
}
