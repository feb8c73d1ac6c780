/**
 * What the main process and its workers say to each other. Both are one program: nothing here is checked as from outside.
 * Connections travel beside it, as descriptors.
 *
 * @module
 */
import type { LocalService } from "../../proxy/cluster-runtime.ts";
import type { ClusterView } from "../../admin/proxy-admin-source.ts";
import type { CompiledOverload } from "../../engine/overload/compile.ts";
import type { LogLevel } from "../../base/log.ts";
import type { NamedResource, Rejection } from "../../proxy/resources.ts";
import type { SecretValue } from "../../proxy/secrets.ts";
import type { PeerLabels } from "../../telemetry/istio-labels.ts";
import type { RegistrySnapshot } from "../../telemetry/registry-snapshot.ts";

/** Resources of one type that change together. */
export interface ResourceChange {
  readonly typeUrl: string;
  readonly changed: readonly NamedResource[];
  readonly removed: readonly string[];
}

export type ToWorker =
  /** The first. */
  | {
      readonly t: "start";
      readonly worker: number;
      /** How many there are. */
      readonly count: number;
      readonly self: PeerLabels;
      readonly local?: LocalService | undefined;
      readonly adminPort?: number | undefined;
      readonly level: LogLevel;
      readonly overload: CompiledOverload;
      /** Whom to ask for names; none are the machine's. */
      readonly dnsServers?: readonly string[];
    }
  /** No value: it is gone. */
  | { readonly t: "secret"; readonly name: string; readonly value: SecretValue | undefined }
  | { readonly t: "ask"; readonly id: number; readonly question: Question }
  /** Descriptors have been sent. */
  | { readonly t: "connections" }
  | { readonly t: "level"; readonly level: LogLevel }
  | { readonly t: "drain"; readonly which: "all" | "inbound" }
  /** So many bytes of {@link FromWorker} `output` have been written. */
  | { readonly t: "written"; readonly bytes: number }
  | { readonly t: "stop" };

export type Question =
  | { readonly t: "apply"; readonly change: ResourceChange }
  | { readonly t: "statistics" }
  | { readonly t: "clusters" };

/** To each question. */
export interface Answers {
  readonly apply: readonly Rejection[];
  readonly statistics: RegistrySnapshot;
  readonly clusters: readonly ClusterView[];
}

export type FromWorker =
  /** It takes messages. */
  | { readonly t: "loaded" }
  | { readonly t: "listening"; readonly key: string; readonly tag: number }
  | { readonly t: "deaf"; readonly tag: number }
  /** So many connections that were handed over have ended. */
  | { readonly t: "ended"; readonly count: number }
  | { readonly t: "answer"; readonly id: number; readonly value: Answers[keyof Answers] }
  /** For a file that several processes cannot append to without mixing their lines. */
  | { readonly t: "output"; readonly path: string; readonly bytes: Uint8Array }
  /** Its last statistics, before it ends. */
  | { readonly t: "last"; readonly statistics: RegistrySnapshot };
