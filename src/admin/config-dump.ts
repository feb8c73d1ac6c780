/**
 * `/config_dump`: what a proxy was given, in the shape of Envoy's `envoy.admin.v3.ConfigDump`.
 *
 * @module
 */
import type { Bootstrap } from "../xds/proto/bootstrap.ts";
import {
  BootstrapConfigDump,
  type ClientResourceStatus,
  ClustersConfigDump,
  ConfigDump,
  EndpointsConfigDump,
  ListenersConfigDump,
  RoutesConfigDump,
  SecretsConfigDump,
  type UpdateFailureState,
} from "../xds/proto/config-dump.ts";
import { Secret } from "../xds/proto/tls.ts";
import { type AnyMessage, pack } from "../xds/types/any.ts";
import { toJson } from "../xds/types/codec.ts";

/** One resource that a proxy has. */
export interface DumpedResource {
  readonly name: string;
  readonly any: AnyMessage;
  /** Undefined for one of the bootstrap. */
  readonly version: string | undefined;
  /** Milliseconds since 1970. */
  readonly lastUpdatedMs: number | undefined;
  /** It waits for what it needs and is not in use yet. */
  readonly warming?: boolean;
  /** A later version of it was refused: why, and when. */
  readonly rejected?: { readonly reason: string; readonly atMs: number; readonly version: string };
}

/** A secret without what is secret in it: certificates, but no keys. */
export interface DumpedSecret {
  readonly name: string;
  readonly kind: "keyPair" | "trustedCa";
  /** The chain, or the trusted roots. PEM. */
  readonly certificatesPem: string;
  readonly version: string;
  readonly lastUpdatedMs: number | undefined;
}

export interface DumpedConfig {
  readonly bootstrap: Bootstrap | undefined;
  readonly bootstrapLoadedMs: number | undefined;
  readonly clusters: readonly DumpedResource[];
  readonly listeners: readonly DumpedResource[];
  readonly routes: readonly DumpedResource[];
  readonly endpoints: readonly DumpedResource[];
  readonly secrets: readonly DumpedSecret[];
}

export interface DumpOptions {
  /** Endpoints are many: they are part of it only when asked for, as in Envoy. */
  readonly endpoints: boolean;
  /** Only these; secrets and the bootstrap have no name to ask for. */
  readonly accepts?: (name: string) => boolean;
}

/** The dump as JSON with Envoy's field names. Private keys are never part of it. */
export function configDump(config: DumpedConfig, options: DumpOptions): unknown {
  const accepts = options.accepts ?? (() => true);
  const wanted = (list: readonly DumpedResource[]): readonly DumpedResource[] => list.filter((r) => accepts(r.name));
  const { bootstrap, bootstrapLoadedMs } = config;
  return toJson(ConfigDump, {
    configs: [
      ...(bootstrap === undefined ? [] : [pack(BootstrapConfigDump, { bootstrap, lastUpdated: bootstrapLoadedMs })]),
      pack(ClustersConfigDump, clusters(wanted(config.clusters))),
      ...(options.endpoints ? [pack(EndpointsConfigDump, endpoints(wanted(config.endpoints)))] : []),
      pack(ListenersConfigDump, listeners(wanted(config.listeners))),
      pack(RoutesConfigDump, routes(wanted(config.routes))),
      ...(config.secrets.length === 0 ? [] : [pack(SecretsConfigDump, secrets(config.secrets))]),
    ],
  });
}

const isStatic = (r: DumpedResource): boolean => r.version === undefined;
const isDynamic = (r: DumpedResource): boolean => !isStatic(r);

/** The error state and status of a dynamic resource. */
function stateOf({ rejected }: DumpedResource): {
  readonly errorState?: UpdateFailureState;
  readonly clientStatus: ClientResourceStatus;
} {
  if (rejected === undefined) return { clientStatus: "ACKED" };
  const { reason, atMs, version } = rejected;
  return { errorState: { details: reason, lastUpdateAttempt: atMs, versionInfo: version }, clientStatus: "NACKED" };
}

function clusters(all: readonly DumpedResource[]): ClustersConfigDump {
  const dynamic = (r: DumpedResource) => ({
    versionInfo: r.version,
    cluster: r.any,
    lastUpdated: r.lastUpdatedMs,
    ...stateOf(r),
  });
  return {
    staticClusters: all.filter(isStatic).map((r) => ({ cluster: r.any, lastUpdated: r.lastUpdatedMs })),
    dynamicActiveClusters: all.filter((r) => isDynamic(r) && r.warming !== true).map(dynamic),
    dynamicWarmingClusters: all.filter((r) => isDynamic(r) && r.warming === true).map(dynamic),
  };
}

function listeners(all: readonly DumpedResource[]): ListenersConfigDump {
  return {
    staticListeners: all.filter(isStatic).map((r) => ({ listener: r.any, lastUpdated: r.lastUpdatedMs })),
    dynamicListeners: all.filter(isDynamic).map((r) => {
      const state = { versionInfo: r.version, listener: r.any, lastUpdated: r.lastUpdatedMs };
      return {
        name: r.name,
        ...(r.warming === true ? { warmingState: state } : { activeState: state }),
        ...stateOf(r),
      };
    }),
  };
}

function routes(all: readonly DumpedResource[]): RoutesConfigDump {
  return {
    staticRouteConfigs: all.filter(isStatic).map((r) => ({ routeConfig: r.any, lastUpdated: r.lastUpdatedMs })),
    dynamicRouteConfigs: all.filter(isDynamic).map((r) => ({
      versionInfo: r.version,
      routeConfig: r.any,
      lastUpdated: r.lastUpdatedMs,
      ...stateOf(r),
    })),
  };
}

function endpoints(all: readonly DumpedResource[]): EndpointsConfigDump {
  return {
    staticEndpointConfigs: all.filter(isStatic).map((r) => ({ endpointConfig: r.any, lastUpdated: r.lastUpdatedMs })),
    dynamicEndpointConfigs: all.filter(isDynamic).map((r) => ({
      versionInfo: r.version,
      endpointConfig: r.any,
      lastUpdated: r.lastUpdatedMs,
      ...stateOf(r),
    })),
  };
}

function secrets(all: readonly DumpedSecret[]): SecretsConfigDump {
  return {
    dynamicActiveSecrets: all.map((s) => ({
      name: s.name,
      versionInfo: s.version,
      lastUpdated: s.lastUpdatedMs,
      secret: pack(Secret, secretMessage(s)),
    })),
  };
}

/** Bytes, as Envoy has them: its readers expect base64. */
function secretMessage({ name, kind, certificatesPem }: DumpedSecret): Secret {
  const inlineBytes = new TextEncoder().encode(certificatesPem);
  if (kind === "trustedCa") return { name, validationContext: { trustedCa: { inlineBytes } } };
  // The marker that the printer puts in the place of a key: readers see that there is one.
  return { name, tlsCertificate: { certificateChain: { inlineBytes }, privateKey: { inlineString: "" } } };
}
