/**
 * The conformance tests of the Gateway API as data, and the comparison that goes with them.
 *
 * The comparison is upstream's, as `../shared/suites/gateway-api/README.md` describes it.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const SUITE_FOLDER = join(import.meta.dir, "../../../shared/suites/gateway-api");

/** Tests upstream, of which the folder has those that it has. */
export const UPSTREAM_TESTS = { mesh: 23, gateway: 139 } as const;

export type SuiteName = keyof typeof UPSTREAM_TESTS;

export interface ConformanceTest {
  readonly name: string;
  readonly suite: SuiteName;
  readonly features: readonly string[];
  readonly manifests: readonly { readonly path: string; readonly yaml: string }[];
  readonly cases: readonly RequestCase[];
  readonly steps: readonly Step[];
}

export type Step =
  | { readonly type: "request"; readonly case: number }
  | AssertStep
  | { readonly type: "apply" | "delete"; readonly object: unknown }
  | { readonly type: "expectMirrored"; readonly mirroredTo: readonly MirrorTarget[]; readonly path: string }
  | { readonly type: "mirrorDistribution"; readonly check: { readonly mirroredTo: readonly MirrorTarget[] } };

export interface AssertStep {
  readonly type: "assert";
  readonly helper: string;
  readonly args?: readonly unknown[];
  readonly parent?: { readonly kind: string; readonly name: string };
  readonly routeKind?: string;
  readonly routes?: readonly string[];
}

export interface MirrorTarget {
  readonly name: string;
  readonly namespace: string;
  readonly percent?: number;
}

export interface RequestCase {
  readonly id: number;
  readonly name?: string;
  readonly client?: { readonly selector: string; readonly namespace: string };
  readonly gatewayListener?: { readonly gateway: string; readonly port?: number };
  readonly scheme?: "http" | "https";
  readonly tls?: { readonly serverName: string; readonly serverCA?: string; readonly clientCert?: string };
  readonly protocol: "http" | "grpc" | "tcp" | "tls" | "udp" | "websocket";
  readonly request?: CaseRequest;
  readonly expected: Expected;
  readonly count?: number;
}

export interface CaseRequest {
  readonly protocol?: string;
  readonly host?: string;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly backendSetResponseHeaders?: Readonly<Record<string, string>>;
  readonly unfollowRedirect?: boolean;
  readonly service?: string;
}

export interface Expected {
  readonly statusCodes?: readonly number[];
  readonly backend?: string;
  /** Of UDP: the Service whose pod answers, by whose name its Deployment goes. */
  readonly service?: string;
  readonly namespace?: string;
  readonly backendRequest?: BackendRequest;
  readonly responseHeaders?: Readonly<Record<string, string>>;
  readonly absentResponseHeaders?: readonly string[];
  readonly validResponseHeaderValues?: Readonly<Record<string, readonly string[]>>;
  readonly ignoreWhitespace?: boolean;
  readonly redirect?: {
    readonly scheme?: string;
    readonly host?: string;
    readonly port?: string;
    readonly path?: string;
  };
  readonly distribution?: Readonly<Record<string, number>>;
  readonly totalRequests?: number;
  readonly tolerance?: number;
  readonly attempts?: number;
  readonly podNameStartsWithBackendRequestHeader?: string;
  readonly error?: string;
  readonly not?: { readonly statusCodes: readonly number[] };
  readonly orError?: boolean;
  readonly grpcStatus?: string;
  readonly backendIsTLS?: boolean;
  readonly hostname?: string;
  readonly connects?: boolean;
  readonly echo?: boolean | readonly string[];
}

export interface BackendRequest {
  readonly path?: string;
  readonly host?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly absentHeaders?: readonly string[];
}

/** What the echo backends say of a request that reached them. Header names are lower-case. */
export interface SeenRequest {
  readonly pod: string;
  readonly namespace: string;
  readonly path: string;
  readonly host: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The name in the handshake, where the backend itself ended TLS; empty where the client named none. */
  readonly sni?: string;
  /** The certificate that the client showed over TLS; base64. */
  readonly client?: string;
}

export interface Outcome {
  /** The connection failed, or its handshake. */
  readonly error?: string;
  readonly status?: number;
  /** Lower-case names; several values joined with `,`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly seen?: SeenRequest | undefined;
  /** gRPC's name of the status: `OK`. */
  readonly grpcStatus?: string;
  readonly echoes?: readonly string[];
}

/** Undefined where the suite is not there. */
export function conformanceTests(): readonly ConformanceTest[] | undefined {
  const folder = join(SUITE_FOLDER, "tests");
  if (!existsSync(folder)) return undefined;
  return readdirSync(folder)
    .sort()
    .map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")) as ConformanceTest);
}

/** Why `outcome` is not what the case wants; undefined where it is. */
export function difference(c: RequestCase, outcome: Outcome): string | undefined {
  const { expected } = c;
  const failed = outcome.error !== undefined;
  if (expected.error !== undefined)
    return failed ? undefined : `wanted a failed connection, got ${JSON.stringify(outcome).slice(0, 300)}`;
  if (expected.not !== undefined)
    return (failed && expected.orError === true) || !expected.not.statusCodes.includes(outcome.status ?? 0)
      ? undefined
      : `wanted anything but status ${outcome.status}`;
  if (failed) return `failed: ${outcome.error}`;
  if (c.protocol === "grpc")
    return unlike("grpc status", expected.grpcStatus, outcome.grpcStatus) ?? backendOf(c, outcome);
  if (c.protocol === "websocket") return unlike("echoes", String(expected.echo), String(outcome.echoes));
  if (c.protocol === "udp") return udpDifference(c, outcome);
  if (c.protocol === "tcp") return tcpDifference(expected, outcome) ?? backendOf(c, outcome);
  return httpDifference(c, outcome);
}

/** An echo that is wanted of anybody has come with the outcome. */
function udpDifference(c: RequestCase, outcome: Outcome): string | undefined {
  const { service } = c.expected;
  return backendOf(service === undefined ? c : { ...c, expected: { ...c.expected, backend: service } }, outcome);
}

function tcpDifference(expected: Expected, { seen }: Outcome): string | undefined {
  if (expected.backendIsTLS === true && seen?.sni === undefined) return "wanted TLS up to the backend";
  return expected.hostname === undefined
    ? undefined
    : unlike("the name that the backend was asked for", expected.hostname, seen?.sni);
}

function httpDifference(c: RequestCase, outcome: Outcome): string | undefined {
  const { expected } = c;
  const { status = 0 } = outcome;
  const wanted = expected.statusCodes ?? [];
  if (!wanted.includes(status)) return `wanted status ${wanted.join(" or ")}, got ${status}`;
  if ([408, 504].includes(status)) return undefined;
  const answered = responseDifference(expected, outcome);
  if (answered !== undefined) return answered;
  if (status === 200 || status === 204) return requestDifference(c, outcome) ?? backendOf(c, outcome);
  return status >= 300 && status < 400 ? redirectDifference(c, outcome) : undefined;
}

function responseDifference(expected: Expected, { headers = {} }: Outcome): string | undefined {
  const spaced = (value: string | undefined): string | undefined =>
    expected.ignoreWhitespace === true ? value?.replaceAll(/\s/g, "") : value;
  for (const [name, value] of Object.entries(expected.responseHeaders ?? {})) {
    const found = unlike(`response header ${name}`, spaced(value), spaced(headers[name.toLowerCase()]));
    if (found !== undefined) return found;
  }
  for (const [name, values] of Object.entries(expected.validResponseHeaderValues ?? {})) {
    const found = spaced(headers[name.toLowerCase()]) ?? "";
    if (!values.map(spaced).includes(found))
      return `response header ${name}: wanted one of ${values.join(" | ")}, got ${JSON.stringify(found)}`;
  }
  const there = (expected.absentResponseHeaders ?? []).find((name) => headers[name.toLowerCase()] !== undefined);
  return there === undefined ? undefined : `response header ${there} is there`;
}

/** A gateway's backend must have seen what was sent, unless the case says what else; of a mesh, headers alone are compared. */
function requestDifference({ client, request = {}, expected }: RequestCase, { seen }: Outcome): string | undefined {
  const said = expected.backendRequest;
  const wanted: BackendRequest = said ?? (client === undefined ? request : {});
  for (const [name, value] of Object.entries(wanted.headers ?? {})) {
    const found = unlike(`request header ${name}`, value, seen?.headers[name.toLowerCase()]);
    if (found !== undefined) return found;
  }
  const there = (wanted.absentHeaders ?? []).find((name) => seen?.headers[name.toLowerCase()] !== undefined);
  if (there !== undefined) return `request header ${there} is there`;
  // A preflight that the gateway answers reaches nobody.
  if (client !== undefined || (seen === undefined && request.method === "OPTIONS")) return undefined;
  return (
    unlike("path", wanted.path ?? request.path, seen?.path) ??
    unlike("method", wanted.method ?? request.method, seen?.method) ??
    (wanted.host === undefined ? undefined : unlike("host", wanted.host, seen?.host))
  );
}

function backendOf({ expected }: RequestCase, { seen }: Outcome): string | undefined {
  const { backend, namespace, podNameStartsWithBackendRequestHeader: header } = expected;
  if (header !== undefined && !(seen?.pod ?? "").startsWith(seen?.headers[header.toLowerCase()] ?? "-"))
    return `pod ${seen?.pod} does not begin with its header ${header}: ${seen?.headers[header.toLowerCase()]}`;
  if (backend === undefined) return undefined;
  if (seen === undefined) return `wanted backend ${backend}, got an answer of none`;
  if (!seen.pod.startsWith(backend)) return `wanted backend ${backend}, got ${seen.pod}`;
  return namespace === undefined ? undefined : unlike("namespace", namespace, seen.namespace);
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: "80", https: "443" };

/** Fields that are not given are the request's own; a port that is not given is none, or the scheme's. */
function redirectDifference(
  { client, scheme = "http", request = {}, expected }: RequestCase,
  outcome: Outcome,
): string | undefined {
  const { redirect } = expected;
  const location = outcome.headers?.["location"];
  if (client !== undefined || redirect === undefined) return undefined;
  if (location === undefined) return "a redirect without a location";
  const url = /^(https?):\/\/([^/:]+)(?::(\d+))?(\/.*)?$/.exec(location);
  if (url === null) return `location ${location} is no absolute URL`;
  const [, gotScheme = "", gotHost = "", gotPort, gotPath = "/"] = url;
  const wantedPath = redirect.path ?? request.path;
  const [path] = gotPath.split("?");
  const plainPort = gotPort === undefined || gotPort === DEFAULT_PORTS[gotScheme];
  const portDifference =
    redirect.port === undefined || redirect.port === ""
      ? plainPort
        ? undefined
        : `wanted no port in ${location}`
      : unlike("redirect port", redirect.port, gotPort ?? DEFAULT_PORTS[gotScheme]);
  return (
    unlike("redirect scheme", redirect.scheme ?? scheme, gotScheme) ??
    (redirect.host === undefined ? undefined : unlike("redirect host", redirect.host, gotHost)) ??
    portDifference ??
    unlike("redirect path", wantedPath?.split("?")[0], path)
  );
}

const unlike = (what: string, wanted: string | undefined, got: string | undefined): string | undefined =>
  wanted === got ? undefined : `${what}: wanted ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}`;

/** Why the shares of `counts` are not those of the case, within its tolerance; undefined where they are. */
export function shareDifference(expected: Expected, counts: ReadonlyMap<string, number>): string | undefined {
  const { distribution = {}, tolerance = 0.05 } = expected;
  const total = [...counts.values()].reduce((sum, n) => sum + n, 0);
  const stranger = [...counts.keys()].find((pod) => !Object.keys(distribution).some((name) => pod.startsWith(name)));
  if (stranger !== undefined) return `${stranger} was asked`;
  for (const [name, share] of Object.entries(distribution)) {
    const hits = [...counts].reduce((sum, [pod, n]) => sum + (pod.startsWith(name) ? n : 0), 0);
    if (share > 0 && hits === 0) return `${name} was never asked`;
    if (share === 0 && hits > 0) return `${name} was asked ${hits} times`;
    if (Math.abs(hits / total - share) > tolerance) return `${name}: wanted ${share} of ${total}, got ${hits}`;
  }
  return undefined;
}
