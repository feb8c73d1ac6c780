/**
 * Where an application finds services: the variables that Kubernetes gives to a pod, `<SERVICE>_SERVICE_HOST`,
 * `<SERVICE>_SERVICE_PORT` and `<SERVICE>_SERVICE_PORT_<NAME>`, with the address of the loopback port that its proxy has for the service.
 *
 * Differs: services of other namespaces are told as well, as `<SERVICE>_<NAMESPACE>_…`, since there is no name server to ask.
 *
 * @module
 */
import type { Instance, Service } from "../../model/service.ts";

export function serviceEnvironment(instance: Instance, services: readonly Service[]): Record<string, string> {
  const own = instance.workload.namespace;
  const near = services.filter(({ namespace }) => namespace === own);
  const far = services.filter(({ namespace }) => namespace !== own);
  return Object.assign(
    {},
    ...far.map((service) => variablesOf(`${service.name}_${service.namespace}`, service, instance)),
    // A name of its own namespace wins over one that is made of two parts.
    ...near.map((service) => variablesOf(service.name, service, instance)),
  );
}

function variablesOf(name: string, service: Service, { loopbacks }: Instance): Record<string, string> {
  const prefix = `${variableName(name)}_SERVICE`;
  const found: Record<string, string> = {};
  for (const port of service.ports) {
    const address = loopbacks.find((l) => l.host === service.hostname && l.port === port.number)?.address;
    if (address === undefined) continue;
    found[`${prefix}_HOST`] ??= address.address;
    found[`${prefix}_PORT`] ??= String(address.port);
    if (port.name !== "") found[`${prefix}_PORT_${variableName(port.name)}`] = String(address.port);
  }
  return found;
}

/** As Kubernetes makes them: `order-db` is ORDER_DB. */
const variableName = (name: string): string => name.toUpperCase().replace(/[-.]/g, "_");
