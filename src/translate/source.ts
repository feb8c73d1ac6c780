/**
 * The document that a resource comes from, so that a decision can be traced back to a line that a person typed.
 *
 * Routes carry it as metadata. What would restart a listener or a cluster when only a line number moves is told beside the
 * resources instead, as {@link Sources}.
 *
 * @module
 */
import type { Place } from "../base/problem.ts";
import type { Origin } from "../model/origin.ts";
import type { MtlsMode } from "../model/security.ts";
import type { Metadata } from "../xds/proto/core-base.ts";

/** A document, and the line in it that decided. */
export interface Source {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Where things come from that do not carry it themselves. */
export interface Sources {
  /** By the policy's name in RBAC rules: `ns[default]-policy[viewers]-rule[0]`. */
  readonly policies: Readonly<Record<string, Source>>;
  /** DestinationRule of a cluster, by the cluster's name; absent where Istio's defaults hold. */
  readonly clusters: Readonly<Record<string, Source>>;
  /** By the listener's name: how it takes connections, and the PeerAuthentication that says so; absent where none does. */
  readonly inboundModes: Readonly<Record<string, { readonly mode: MtlsMode; readonly source: Source | undefined }>>;
}

/** Key in `metadata.filter_metadata`. */
const METADATA_KEY = "tulle";

export function sourceOf(origin: Origin, place: Place = origin.place): Source {
  const { kind, namespace, name } = origin;
  return { kind, namespace, name, file: place.file, line: place.line, column: place.column };
}

/** `{ kind, namespace, name, file, line, column, rule? }` under `tulle`. */
export function sourceMetadata(origin: Origin, place: Place, rule?: string): Metadata {
  const source = { ...sourceOf(origin, place) };
  return { filterMetadata: { [METADATA_KEY]: rule === undefined ? source : { ...source, rule } } };
}
