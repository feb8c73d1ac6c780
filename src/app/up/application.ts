/**
 * How an application is started: its command, and what its environment tells it.
 *
 * @module
 */
import type { Instance, Service } from "../../model/service.ts";
import type { ChildSpec } from "./children.ts";
import { serviceEnvironment } from "./service-environment.ts";

/** Undefined for a workload that something else runs. */
export function applicationSpec(
  instance: Instance,
  services: readonly Service[],
  environment: Readonly<Record<string, string | undefined>>,
  logFile: string,
): ChildSpec | undefined {
  const { process: wanted } = instance.workload;
  if (wanted === undefined) return undefined;
  const [program = "", ...args] = wanted.command;
  return {
    name: `${instance.id} (application)`,
    // Examples are TypeScript: the runtime that runs us runs them, wherever it is installed.
    command: [program === "bun" ? process.execPath : program, ...args],
    environment: {
      ...environment,
      ...serviceEnvironment(instance, services),
      ...meshEnvironment(instance),
      ...wanted.environment,
    },
    workingFolder: wanted.workingFolder,
    logFile,
  };
}

/** Where to listen, and the forward proxy through which calls by name enter the mesh. */
function meshEnvironment({ ports, outbound }: Instance): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { targetPort, application } of ports) found[`PORT_${targetPort}`] = String(application.port);
  const first = ports[0];
  if (first !== undefined) found["PORT"] = String(first.application.port);
  if (outbound === undefined) return found;
  const proxy = `http://${outbound.address}:${outbound.port}`;
  return {
    ...found,
    http_proxy: proxy,
    HTTP_PROXY: proxy,
    no_proxy: "127.0.0.1,localhost",
    NO_PROXY: "127.0.0.1,localhost",
  };
}
