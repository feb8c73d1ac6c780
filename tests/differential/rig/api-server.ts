/**
 * A Kubernetes API server of our own, with Istio's kinds in it, and no node.
 *
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import { type ConfigDocument, keyOf } from "./document.ts";
import { GATEWAY_API_PLURALS, gatewayApiKinds } from "./gateway-api-kinds.ts";
import type { Tools } from "./tools.ts";

const UP_LIMIT_MS = 120_000;
const CALL_LIMIT_MS = 20_000;
const CONFLICT_TRIES = 5;

interface Kubeconfig {
  readonly clusters: readonly [{ readonly cluster: { readonly server: string; "certificate-authority": string } }];
  readonly users: readonly [{ readonly user: { readonly token: string } }];
}

interface Made {
  readonly metadata: { readonly resourceVersion: string; readonly creationTimestamp: string };
}

/** Kinds' names in paths. */
const PLURALS: Readonly<Record<string, string>> = {
  ...GATEWAY_API_PLURALS,
  Namespace: "namespaces",
  Service: "services",
  EndpointSlice: "endpointslices",
  VirtualService: "virtualservices",
  DestinationRule: "destinationrules",
  Gateway: "gateways",
  ServiceEntry: "serviceentries",
  WorkloadEntry: "workloadentries",
  Sidecar: "sidecars",
  PeerAuthentication: "peerauthentications",
};

export class ApiServer {
  readonly #tools: Tools;
  readonly #name: string;
  readonly kubeconfig: string;
  readonly #server: string;
  readonly #token: string;
  readonly #ca: string;
  readonly #versions = new Map<string, string>();
  readonly #created = new Map<string, string>();

  private constructor(tools: Tools, name: string, kubeconfig: string) {
    this.#tools = tools;
    this.#name = name;
    this.kubeconfig = kubeconfig;
    const { clusters, users } = parse(readFileSync(kubeconfig, "utf8")) as Kubeconfig;
    this.#server = clusters[0].cluster.server;
    this.#ca = readFileSync(clusters[0].cluster["certificate-authority"], "utf8");
    this.#token = users[0].user.token;
  }

  /** Never the one that `KUBECONFIG` names: documents would meet a person's own. */
  static async start(tools: Tools): Promise<ApiServer> {
    const name = `${PREFIX}${process.pid}`;
    await removeLeftOver(tools);
    await run([tools.cluster, "up", name, "--api-only"]);
    try {
      const settings = await run([tools.cluster, "env", name]);
      const kubeconfig = /^KUBECONFIG=(.*)$/m.exec(settings)?.[1] ?? "";
      const kubectl = ["kubectl", "--kubeconfig", kubeconfig];
      await run([...kubectl, "apply", "--server-side", "-f", tools.crds]);
      await run([...kubectl, "apply", "--server-side", "-f", "-"], gatewayApiKinds());
      await run([...kubectl, "wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
      return new ApiServer(tools, name, kubeconfig);
    } catch (error) {
      await run([tools.cluster, "down", name]);
      throw error;
    }
  }

  async stop(): Promise<void> {
    await run([this.#tools.cluster, "down", this.#name]);
  }

  /** Creates or replaces. @returns Why the API server refuses it, if it does. */
  async put(document: ConfigDocument): Promise<string | undefined> {
    const key = keyOf(document);
    const version = this.#versions.get(key);
    let answer =
      version === undefined
        ? await this.#call("POST", collectionOf(document), document)
        : await this.#call("PUT", pathOf(document), withVersion(document, version));
    // It is there already, or its status has been written in the meantime.
    for (let tries = 0; answer.status === 409 && tries < CONFLICT_TRIES; tries++) {
      const { text } = await this.#call("GET", pathOf(document));
      const { metadata } = JSON.parse(text) as Made;
      answer = await this.#call("PUT", pathOf(document), withVersion(document, metadata.resourceVersion));
    }
    if (answer.status >= 400) return messageOf(answer.text);
    const { metadata } = JSON.parse(answer.text) as Made;
    this.#versions.set(key, metadata.resourceVersion);
    this.#created.set(key, metadata.creationTimestamp);
    return undefined;
  }

  /** As it stands there, with what the API server itself gives, such as a service's address. */
  async specOf(document: ConfigDocument): Promise<unknown> {
    const { text } = await this.#call("GET", pathOf(document));
    return (JSON.parse(text) as ConfigDocument).spec;
  }

  /** The document with what decides which of several is the older. */
  dated(document: ConfigDocument): ConfigDocument {
    const creationTimestamp = this.#created.get(keyOf(document));
    return creationTimestamp === undefined
      ? document
      : { ...document, metadata: { ...document.metadata, creationTimestamp } };
  }

  async remove(document: ConfigDocument): Promise<void> {
    this.#versions.delete(keyOf(document));
    const { status, text } = await this.#call("DELETE", pathOf(document));
    if (status >= 400 && status !== 404) throw new Error(`cannot delete ${keyOf(document)}: ${status} ${text}`);
  }

  async #call(method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
    const response = await fetch(`${this.#server}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
      tls: { ca: this.#ca },
      signal: AbortSignal.timeout(CALL_LIMIT_MS),
    });
    return { status: response.status, text: await response.text() };
  }
}

const PREFIX = "tulle-oracle-";

/** Those whose process was ended before it could. */
async function removeLeftOver({ cluster }: Tools): Promise<void> {
  const names = (await run([cluster, "list"])).split("\n").filter((name) => name.startsWith(PREFIX));
  for (const name of names) if (!existsSync(`/proc/${name.slice(PREFIX.length)}`)) await run([cluster, "down", name]);
}

const withVersion = (document: ConfigDocument, resourceVersion: string): ConfigDocument => ({
  ...document,
  metadata: { ...document.metadata, resourceVersion },
});

function collectionOf({ apiVersion, kind, metadata }: ConfigDocument): string {
  const plural = PLURALS[kind];
  if (plural === undefined) throw new Error(`the kind ${kind} has no path yet: add it to PLURALS`);
  const group = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return kind === "Namespace" ? `${group}/${plural}` : `${group}/namespaces/${metadata.namespace}/${plural}`;
}

const pathOf = (document: ConfigDocument): string => `${collectionOf(document)}/${document.metadata.name}`;

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { readonly message: string }).message;
  } catch {
    return text;
  }
}

async function run(command: readonly string[], input = ""): Promise<string> {
  const child = Bun.spawn([...command], {
    stdin: Buffer.from(input),
    stdout: "pipe",
    stderr: "pipe",
    timeout: UP_LIMIT_MS,
  });
  const [out, problems] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")}: ${problems}`);
  return out;
}
