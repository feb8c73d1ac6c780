/**
 * Three ways from the same documents to the same applications: a real istiod with a real Envoy, Tulle's control plane with a
 * real Envoy, and Tulle's with its own proxy.
 *
 * @module
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../../../src/net/free-ports.ts";
import { eventually } from "../../e2e/support/eventually.ts";
import { envoyProxy, ProxyProcess, tulleProxy } from "../../e2e/support/proxy-process.ts";
import { ACCESS_LOG_FORMAT, AccessLog, type Logged } from "./access-logs.ts";
import { ApiServer } from "./api-server.ts";
import { bootstrapText, istioGatewayId, istioNodeId } from "./bootstrap.ts";
import { type Answer, Client, type Place, type Request } from "./client.ts";
import { type ConfigDocument, keyOf } from "./document.ts";
import {
  API_MARKER,
  apiMarker,
  type DoorPorts,
  EDGE,
  EDGE_MARKER,
  edgeDocuments,
  edgeMarker,
  edgeOfIstio,
  edgeOfTulle,
  freeDoors,
} from "./edge.ts";
import { Istiod } from "./istiod.ts";
import { validate } from "./istioctl.ts";
import { refusedUnseen } from "./gateway-api-kinds.ts";
import { inLanes } from "./lanes.ts";
import { type PlaneNode, TullePlane } from "./plane.ts";
import type { Tools } from "./tools.ts";
import { type Hit, Upstreams } from "./upstreams.ts";
import {
  BACKENDS,
  type Caller,
  callerDocuments,
  type CallerName,
  CALLERS,
  commonDocuments,
  MARKER_HOST,
  markerDocuments,
  namespaces,
  type WorldPorts,
} from "./world.ts";

export type LegName = "istio" | "envoy" | "tulle";
/** In the order in which outcomes stand. */
export const LEGS: readonly LegName[] = ["istio", "envoy", "tulle"];

/** What came of a request by one way, as it was seen. */
export interface Seen {
  readonly answer: Answer;
  readonly hits: readonly Hit[];
  readonly logged: Logged | undefined;
}

/** Why documents do not count, by their key; each control plane may refuse others. */
export interface Refusals {
  readonly istio: ReadonlyMap<string, string>;
  readonly tulle: ReadonlyMap<string, string>;
}

/** Whose proxies are asked: a caller's, or the gateway's. */
export type Via = CallerName | "edge";

/** A request, whose it is, and at which port: a service's, or of the gateway. */
export interface Call extends Request {
  readonly via: Via;
  readonly at: number;
}

interface Leg {
  readonly name: LegName;
  readonly via: Via;
  readonly process: ProxyProcess;
  readonly client: Client;
  readonly log: AccessLog;
  /** Where requests to a port are sent. */
  readonly placeOf: (port: number) => Place;
}

const PUSH_LIMIT_MS = 30_000;
const LOG_LIMIT_MS = 5000;
/** Mirrors come when they come. */
const QUIET_LIMIT_MS = 1500;
const API_LANES = 16;
const CLIENT_LANES = 24;

export class Oracle {
  readonly ports: WorldPorts;
  /** Of Istio's gateway, as documents name them. */
  readonly doors: DoorPorts;
  readonly #tools: Tools;
  readonly #api: ApiServer;
  readonly #istiod: Istiod;
  readonly #plane: TullePlane;
  readonly #upstreams: Upstreams;
  readonly #legs: readonly Leg[];
  readonly #folder: string;
  readonly #standing: readonly ConfigDocument[];
  /** What the API server holds of the documents of comparisons: texts by key. */
  #held = new Map<string, { readonly document: ConfigDocument; readonly text: string }>();
  #generation = 0;
  #asked = 0;

  private constructor(tools: Tools, parts: Parts) {
    this.#tools = tools;
    this.#api = parts.api;
    this.#istiod = parts.istiod;
    this.#plane = parts.plane;
    this.#upstreams = parts.upstreams;
    this.#legs = parts.legs;
    this.#folder = parts.folder;
    this.ports = parts.ports;
    this.doors = parts.doors;
    this.#standing = standingFor(parts);
  }

  static async start(tools: Tools): Promise<Oracle> {
    const undo: (() => unknown)[] = [];
    try {
      const oracle = new Oracle(tools, await startParts(tools, undo));
      await oracle.publish([]);
      return oracle;
    } catch (error) {
      for (const step of undo.reverse()) await step();
      throw error;
    }
  }

  async stop(): Promise<void> {
    for (const { client } of this.#legs) client.stop();
    await Promise.all(this.#legs.map(({ process }) => process.stop()));
    this.#plane.stop();
    await this.#istiod.stop();
    await this.#api.stop();
    this.#upstreams.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Makes `documents` all that is said beside the world's own, and returns when all three proxies go by it. */
  async publish(documents: readonly ConfigDocument[]): Promise<Refusals> {
    const generation = String(++this.#generation);
    const istio = await this.#toApiServer(documents);
    const markers = [
      ...markerDocuments(generation),
      edgeMarker(generation, this.ports.service[0] ?? 0),
      apiMarker(generation),
    ];
    for (const marker of markers) {
      const refused = await this.#api.put(marker);
      if (refused !== undefined) throw new Error(`the API server refuses the marker: ${refused}`);
    }
    const before = this.#plane.rejected;
    const said = [...markers, ...documents].map((document) => this.#api.dated(document));
    const tulle = this.#plane.publish([...this.#standing, ...said]);
    const isRejected = (): boolean => this.#plane.rejected > before;
    await Promise.all(this.#legs.map((leg) => this.#arrived(leg, generation, isRejected)));
    // Listeners that have changed are still served on old connections, until these close.
    for (const { client } of this.#legs) client.stop();
    return { istio, tulle };
  }

  /** What comes of each request by each way of its caller, in the order of {@link LEGS}. */
  async askAll(requests: readonly Call[]): Promise<readonly (readonly Seen[])[]> {
    const ids = requests.map(() => String(++this.#asked));
    const asked = requests.map(({ via }, i) => ({ id: ids[i] ?? "", legs: this.#legsOf(via) }));
    const answers = await Promise.all(
      LEGS.map((_, l) =>
        inLanes(CLIENT_LANES, requests, ({ at, via, ...request }, i) => {
          const leg = this.#legsOf(via)[l];
          if (leg === undefined) throw new Error(`nobody calls as ${via}`);
          const headers = [...request.headers, ["x-case", idOf(leg, ids[i] ?? "")] as const];
          return leg.client.ask(leg.placeOf(at), { ...request, headers });
        }),
      ),
    );
    await this.#settled(asked);
    return asked.map(({ id, legs }, i) =>
      legs.map((leg, l): Seen => {
        const answer = answers[l]?.[i];
        if (answer === undefined) throw new Error("an answer is missing");
        return { answer, hits: this.#upstreams.take(idOf(leg, id)), logged: leg.log.take(idOf(leg, id)) };
      }),
    );
  }

  #legsOf(via: Via): readonly Leg[] {
    return this.#legs.filter((leg) => leg.via === via);
  }

  async #toApiServer(documents: readonly ConfigDocument[]): Promise<Map<string, string>> {
    const before = this.#held;
    const refused = await validate(this.#tools, this.#folder, documents);
    for (const [key, reason] of refusedUnseen(documents)) refused.set(key, reason);
    const valid = documents.filter((document) => !refused.has(keyOf(document)));
    const wanted = valid.map((document) => ({ document, key: keyOf(document), text: JSON.stringify(document) }));
    this.#held = new Map(wanted.map(({ key, ...rest }) => [key, rest]));
    const gone = [...before].filter(([key]) => !this.#held.has(key));
    await inLanes(API_LANES, gone, ([, { document }]) => this.#api.remove(document));
    const changed = wanted.filter(({ key, text }) => before.get(key)?.text !== text);
    await inLanes(API_LANES, changed, async ({ document, key }) => {
      const reason = await this.#api.put(document);
      if (reason === undefined) return;
      refused.set(key, reason);
      this.#held.delete(key);
      await this.#api.remove(document);
    });
    return refused;
  }

  async #arrived(
    { via, client, name, placeOf, process }: Leg,
    generation: string,
    isRejected: () => boolean,
  ): Promise<void> {
    const ask = ({ at, host, url }: Marked, path: string): Promise<Answer> =>
      client.ask(placeOf(at), { method: "GET", url: `${url}${path}`, headers: [["host", host]], body: "" });
    const isHere = async (marked: Marked): Promise<boolean> =>
      (await ask(marked, "/rule")).body === generation && (await ask(marked, "/subset")).status === 200;
    const probe = async (): Promise<boolean> => {
      for (const marked of this.#markedFor(via)) if (!(await isHere(marked))) return false;
      if (via !== "edge") return true;
      const { headers } = await ask({ at: this.doors.api.target, host: API_MARKER, url: "" }, "/");
      return headers.some(([header, value]) => header === "location" && value.endsWith(`/${generation}`));
    };
    try {
      await eventually(
        `${name} of ${via} goes by what was published`,
        async () => isRejected() || probe(),
        PUSH_LIMIT_MS,
      );
      if (isRejected()) throw new Error("a proxy rejects resources");
    } catch (error) {
      const rejections = this.#plane.rejections.slice(-3).join("\n");
      throw new Error(`${String(error)}\n${rejections}\n${process.output.slice(-2000)}`, { cause: error });
    }
  }

  /** Where the marker is asked for. */
  #markedFor(via: Via): readonly Marked[] {
    if (via === "edge") return Object.values(this.doors).map(({ target: at }) => ({ at, host: EDGE_MARKER, url: "" }));
    const [at = 0] = this.ports.service;
    const host = `${MARKER_HOST}:${at}`;
    return [{ at, host, url: `http://${host}` }];
  }

  /** Waits for what follows answers: lines of logs, and mirrors. */
  async #settled(asked: readonly Asked[]): Promise<void> {
    const isLogged = (): boolean => {
      for (const { log } of this.#legs) log.read();
      return asked.every(({ id, legs }) => legs.every((leg) => leg.log.has(idOf(leg, id))));
    };
    await eventually("all requests are logged", isLogged, LOG_LIMIT_MS).catch(() => {});
    const isEven = (): boolean =>
      asked.every(({ id, legs }) => new Set(legs.map((leg) => this.#upstreams.count(idOf(leg, id)))).size === 1);
    await eventually("the applications saw the same", isEven, QUIET_LIMIT_MS).catch(() => {});
  }
}

interface Marked {
  readonly at: number;
  readonly host: string;
  /** Before the path. */
  readonly url: string;
}

interface Asked {
  readonly id: string;
  readonly legs: readonly Leg[];
}

const idOf = ({ name }: Leg, id: string): string => `${name}-${id}`;

interface Parts {
  readonly api: ApiServer;
  readonly istiod: Istiod;
  readonly plane: TullePlane;
  readonly upstreams: Upstreams;
  readonly legs: readonly Leg[];
  readonly folder: string;
  readonly ports: WorldPorts;
  readonly doors: DoorPorts;
}

const bothHold = ({ doors, ports }: Pick<Parts, "doors" | "ports">): readonly ConfigDocument[] => [
  ...commonDocuments(ports),
  ...edgeDocuments(doors, ports),
];

/** Of Tulle's. */
const standingFor = (parts: Pick<Parts, "doors" | "ports">): readonly ConfigDocument[] => [
  ...bothHold(parts),
  ...callerDocuments,
  edgeOfTulle,
];

const VIAS: readonly Via[] = ["client", "guest", "edge"];
const callerOf = (via: Via): Caller => (via === "edge" ? EDGE : CALLERS[via]);

/** @param undo Gets what ends each part that has been started. */
async function startParts(tools: Tools, undo: (() => unknown)[]): Promise<Parts> {
  const folder = mkdtempSync(join(tmpdir(), "tulle-oracle-"));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  const upstreams = Upstreams.start(BACKENDS);
  undo.push(() => upstreams.stop());
  const [first = 0, second = 0] = freePorts(2);
  const ports: WorldPorts = { service: [first, second], target: upstreams.ports };
  const doors = freeDoors();
  const logs = new Map<string, AccessLog>();
  const logFile = (name: LegName, caller: Caller): string =>
    join(folder, name === "istio" ? "istio-access.log" : `${name}-${caller.name}-access.log`);
  const api = await ApiServer.start(tools);
  undo.push(() => api.stop());
  await settle(api, [...bothHold({ doors, ports }), edgeOfIstio, ...markerDocuments("0"), edgeMarker("0", first)]);
  const istiod = await Istiod.start(tools, {
    kubeconfig: api.kubeconfig,
    folder,
    accessLog: join(folder, "istio-access.log"),
    accessLogFormat: ACCESS_LOG_FORMAT,
  });
  undo.push(() => istiod.stop());
  const nodes = VIAS.flatMap((via) =>
    (["envoy", "tulle"] as const).map((name): PlaneNode => {
      const caller = callerOf(via);
      const [outboundPort = 0] = freePorts(1);
      const places = new Map(Object.values(doors).map(({ target }) => [target, freePorts(1)[0] ?? 0]));
      return {
        caller,
        id: `${name}-${caller.name}`,
        accessLog: logFile(name, caller),
        ...(via === "edge" ? { t: "gateway", places } : { t: "sidecar", outboundPort }),
      };
    }),
  );
  const plane = new TullePlane(nodes, ACCESS_LOG_FORMAT);
  await plane.start();
  undo.push(() => plane.stop());
  plane.publish(standingFor({ doors, ports }));
  const leg = async (name: LegName, via: Via): Promise<Leg> => {
    const caller = callerOf(via);
    const node = nodes.find(({ id }) => id === `${name}-${caller.name}`);
    const program = name === "tulle" ? tulleProxy : envoyProxy(tools.envoy);
    const process = await ProxyProcess.start(program, join(folder, `${name}-${caller.name}`), () => {
      const [admin = 0] = freePorts(1);
      const istioId = via === "edge" ? istioGatewayId(caller) : istioNodeId(caller);
      const text =
        node === undefined
          ? bootstrapText(caller, istioId, { admin, xds: istiod.xdsPort }, "GRPC")
          : bootstrapText(caller, node.id, { admin, xds: plane.xdsPort }, "DELTA_GRPC");
      return [text, admin];
    });
    undo.push(() => process.stop());
    const file = logFile(name, caller);
    const log = logs.get(file) ?? new AccessLog(file);
    logs.set(file, log);
    const placeOf = (port: number): Place => {
      if (node === undefined) return { hostname: caller.loopback, port };
      return { hostname: "127.0.0.1", port: node.t === "gateway" ? (node.places.get(port) ?? 0) : node.outboundPort };
    };
    return { name, via, process, client: new Client(), log, placeOf };
  };
  const legs = await inLanes(
    2,
    VIAS.flatMap((via) => LEGS.map((name) => ({ name, via }))),
    ({ name, via }) => leg(name, via),
  );
  return { api, istiod, plane, upstreams, legs, folder, ports, doors };
}

/** The world's own documents, in the API server. */
async function settle(api: ApiServer, documents: readonly ConfigDocument[]): Promise<void> {
  const put = async (document: ConfigDocument): Promise<void> => {
    const refused = await api.put(document);
    if (refused !== undefined) throw new Error(`the API server refuses ${keyOf(document)}: ${refused}`);
  };
  await inLanes(1, namespaces, put);
  await inLanes(API_LANES, documents, put);
}
