/**
 * Documents of small meshes.
 *
 * @module
 */

/** A Service on port 80 with one workload behind it, named alike, that runs `program` of the test's applications. */
export function serviceOf(
  name: string,
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): string {
  return `
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec:
  selector: {app: ${name}}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
${workloadOf(name, name, command, env)}`;
}

/** A Workload with the label \`app\` under a service account of its own. */
export function workloadOf(
  name: string,
  app: string,
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): string {
  return `
apiVersion: tulle.dev/v1
kind: Workload
metadata: {name: ${name}, labels: {app: ${app}, version: v1}}
spec:
  serviceAccount: ${name}
  ports: [8080]
  command: ${JSON.stringify(command)}
  env: ${JSON.stringify(env)}
---
`;
}

/** `metadata` and `spec` are YAML in one line. */
export function document(apiVersion: string, kind: string, metadata: string, spec: string): string {
  return `\napiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: ${metadata}\nspec: ${spec}\n---\n`;
}

export const virtualService = (name: string, spec: string): string =>
  document("networking.istio.io/v1", "VirtualService", `{name: ${name}}`, spec);

export const destinationRule = (name: string, spec: string): string =>
  document("networking.istio.io/v1", "DestinationRule", `{name: ${name}}`, spec);
