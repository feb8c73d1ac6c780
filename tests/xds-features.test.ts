/** The discovery server against the scenarios of ii/xds-test-harness, where they are at hand. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { TypeUrl } from "../src/xds/resources.ts";
import { Snapshot } from "../src/xds/snapshot.ts";
import { DELTA, AdsRig, labelOf, make, NODE, type RawStream, SOTW } from "./support/ads-rig.ts";
import {
  type FeatureTarget,
  playScenario,
  type Response,
  type Service,
  type Step,
  type Variant,
} from "./suites/xds-features.ts";
import { suiteFigures } from "./suites/figures.ts";

interface Scenario {
  readonly id: string;
  readonly variants: readonly string[];
  readonly steps: readonly Step[];
  readonly examplesOffUpstream: readonly Readonly<Record<string, string>>[];
  readonly cases: readonly { readonly name: string; readonly steps: readonly Step[] }[];
}

const FILE = join(import.meta.dir, "../../shared/suites/xds-features/scenarios.json");

const TYPES: Readonly<Record<Service, string>> = {
  CDS: TypeUrl.cds,
  LDS: TypeUrl.lds,
  RDS: TypeUrl.rds,
  EDS: TypeUrl.eds,
};
const MAKERS = { CDS: make.cluster, LDS: make.listener, RDS: make.route, EDS: make.endpoints };
const SINGLE: Readonly<Record<Service, string>> = {
  CDS: "cluster.v3.ClusterDiscoveryService/* Clusters",
  LDS: "listener.v3.ListenerDiscoveryService/* Listeners",
  RDS: "route.v3.RouteDiscoveryService/* Routes",
  EDS: "endpoint.v3.EndpointDiscoveryService/* Endpoints",
};

function makeTarget(): FeatureTarget {
  const rig = new AdsRig();
  const state = new Map<Service, ReadonlyMap<string, string>>();
  let snapshot = Snapshot.empty;
  return {
    set(service, labels) {
      state.set(service, new Map(labels));
      const messages = [...state].flatMap(([of, its]) => Array.from(its, ([name, label]) => MAKERS[of](name, label)));
      snapshot = Snapshot.of(messages, snapshot);
      rig.cache.set(NODE, snapshot);
    },
    open: (variant, service, onResponse) => {
      const single = (word: string): string => `/envoy.service.${SINGLE[service].replace("* ", word)}`;
      return variant.incremental
        ? openDelta(rig.delta(variant.aggregated ? DELTA : single("Delta")), onResponse)
        : openSotw(rig.sotw(variant.aggregated ? SOTW : single("Stream")), onResponse);
    },
    settle: () => rig.pass(60_000, 5000),
  };
}

const serviceOf = (typeUrl: string | undefined): Service =>
  (Object.keys(TYPES) as Service[]).find((service) => TYPES[service] === typeUrl)!;

function openDelta(stream: ReturnType<AdsRig["delta"]>, onResponse: (response: Response) => void) {
  forward(
    stream,
    ({ typeUrl, nonce, systemVersionInfo, resources = [], removedResources = [] }) => ({
      service: serviceOf(typeUrl),
      nonce: nonce!,
      version: systemVersionInfo ?? "",
      resources: resources.map(({ name, version, resource }) => ({
        name: name!,
        version: version!,
        label: labelOf(resource!),
      })),
      removed: removedResources,
    }),
    onResponse,
  );
  return {
    send: (request: Parameters<ReturnType<FeatureTarget["open"]>["send"]>[0]) =>
      stream.send({
        node: { id: NODE },
        typeUrl: TYPES[request.service],
        resourceNamesSubscribe: request.subscribe ?? [],
        resourceNamesUnsubscribe: request.unsubscribe ?? [],
        ...(request.nonce === undefined ? {} : { responseNonce: request.nonce }),
      }),
  };
}

function openSotw(stream: ReturnType<AdsRig["sotw"]>, onResponse: (response: Response) => void) {
  forward(
    stream,
    ({ typeUrl, nonce, versionInfo, resources = [] }) => ({
      service: serviceOf(typeUrl),
      nonce: nonce!,
      version: versionInfo!,
      // Bare resources begin with their name: field 1, a length, the text.
      resources: resources.map((any) => ({
        name: Buffer.from(any.bytes.subarray(2, 2 + any.bytes[1]!)).toString(),
        version: versionInfo!,
        label: labelOf(any),
      })),
      removed: [],
    }),
    onResponse,
  );
  return {
    send: (request: Parameters<ReturnType<FeatureTarget["open"]>["send"]>[0]) =>
      stream.send({
        node: { id: NODE },
        typeUrl: TYPES[request.service],
        resourceNames: request.names ?? [],
        versionInfo: request.version ?? "",
        responseNonce: request.nonce ?? "",
      }),
  };
}

/** Hands each response on at the moment it comes, so that it is acknowledged at once. */
function forward<Q, S>(
  stream: RawStream<Q, S>,
  read: (it: S) => Response,
  onResponse: (response: Response) => void,
): void {
  stream.responses.push = (...items: S[]) => {
    for (const item of items) onResponse(read(item));
    return 0;
  };
}

const variantOf = (text: string): Variant => ({
  incremental: text.startsWith("incremental"),
  aggregated: text.endsWith(" aggregated"),
});

/** Giving up everything is an empty list by the protocol; the collection sends one empty name. */
const UNSUBSCRIBE_ALL = [[], [""]];

function play(steps: readonly Step[], variant: string): void {
  const forms = steps.some(({ text }) => text.includes("unsubscribes from all")) ? UNSUBSCRIBE_ALL : [[]];
  for (const form of forms) playScenario(makeTarget(), variantOf(variant), steps, form);
}

const fill = (steps: readonly Step[], values: Readonly<Record<string, string>>): Step[] =>
  steps.map(({ kind, text }) => ({
    kind,
    text: text.replaceAll(/<([^>]+)>/g, (_, name: string) => `"${values[name]}"`),
  }));

if (!existsSync(FILE)) {
  console.warn(`SKIPPED: the xDS scenarios are not at ${FILE}`);
  test.skip("xDS scenarios", () => {});
} else {
  const { scenarios } = JSON.parse(readFileSync(FILE, "utf8")) as { readonly scenarios: readonly Scenario[] };

  describe("xDS scenarios", () => {
    let runs = 0;
    for (const scenario of scenarios)
      for (const variant of scenario.variants)
        for (const { name, steps } of scenario.cases) {
          runs++;
          test(`${variant} ${name}`, () => play(steps, variant));
        }

    test("none is left out: 18 scenarios, 98 runs", () => {
      expect([scenarios.length, runs]).toEqual([18, 98]);
      expect(suiteFigures("xds-features", "runs")).toEqual({ passed: runs, here: runs, upstream: runs });
    });

    // Rows that the collection itself has commented out; they hold here.
    for (const { variants, steps, examplesOffUpstream, id } of scenarios)
      for (const values of examplesOffUpstream)
        for (const variant of variants)
          test(`off upstream: ${variant} ${values["xDS"]} ${id}`, () => play(fill(steps, values), variant));
  });
}
