/**
 * The clusters of a process: compiled from their resources, filled with endpoints, replaced when their resource
 * changes, closed when it goes.
 *
 * @module
 */
import { compileCluster } from "../engine/cluster/cluster.ts";
import { isHealthy } from "../engine/cluster/endpoint-groups.ts";
import { Cluster } from "../xds/proto/cluster.ts";
import { ClusterLoadAssignment } from "../xds/proto/endpoint.ts";
import { type AnyMessage, unpack } from "../xds/types/any.ts";
import { ClusterRuntime, type ClusterServices } from "./cluster-runtime.ts";
import type { NamedResource, Rejection } from "./resources.ts";
import { rejectionsOf, sameAny } from "./resources.ts";

export class ClusterManager {
  readonly #services: ClusterServices;
  readonly #clusters = new Map<string, ClusterRuntime>();
  readonly #messages = new Map<string, AnyMessage>();
  readonly #assignments = new Map<string, ClusterLoadAssignment>();

  constructor(services: ClusterServices) {
    this.#services = {
      ...services,
      peersOf: (name) => this.#clusters.get(name)?.endpoints.all.filter(isHealthy) ?? [],
    };
  }

  get clusters(): ReadonlyMap<string, ClusterRuntime> {
    return this.#clusters;
  }

  /** The resources as they came, for a dump. */
  get messages(): ReadonlyMap<string, AnyMessage> {
    return this.#messages;
  }

  get assignments(): ReadonlyMap<string, ClusterLoadAssignment> {
    return this.#assignments;
  }

  /** Names of the assignments that the clusters want. */
  wantedAssignments(): Set<string> {
    const wanted = [...this.#clusters.values()].filter(({ compiled }) => compiled.type === "EDS");
    return new Set(wanted.map(({ compiled }) => compiled.edsServiceName));
  }

  /** The names of all clusters have been looked up, whatever came of it. */
  get areLookedUp(): boolean {
    return [...this.#clusters.values()].every(({ isLookedUp }) => isLookedUp);
  }

  wantedSecrets(): readonly string[] {
    return [...this.#clusters.values()].flatMap(({ compiled }) => compiled.discoveredSecrets);
  }

  applyClusters(changed: readonly NamedResource[], removed: readonly string[]): Rejection[] {
    const rejected = rejectionsOf(changed, ({ name, any }) => this.#set(name, any));
    for (const name of removed) this.#remove(name);
    const wanted = this.wantedAssignments();
    for (const name of this.#assignments.keys()) if (!wanted.has(name)) this.#assignments.delete(name);
    return rejected;
  }

  #set(name: string, any: AnyMessage): void {
    const known = this.#messages.get(name);
    if (known !== undefined && sameAny(known, any)) return;
    const compiled = compileCluster(unpack(any, Cluster));
    const last = this.#clusters.get(name);
    const next = new ClusterRuntime(compiled, this.#services, last);
    const assignment = this.#assignments.get(compiled.edsServiceName);
    if (compiled.type === "EDS" && assignment !== undefined) this.#fill(next, assignment);
    this.#clusters.set(name, next);
    this.#messages.set(name, any);
    next.start(last);
    this.#onMembers(name);
    // What runs on the old one ends there; its counters go on under the same name.
    last?.close(() => !this.#clusters.has(name));
  }

  /** @throws {CompileError} For an assignment that nobody had asked for, and so nobody had read; the cluster is then closed. */
  #fill(next: ClusterRuntime, assignment: ClusterLoadAssignment): void {
    try {
      next.assign(assignment);
    } catch (cause) {
      next.close(() => !this.#clusters.has(next.compiled.name));
      throw cause;
    }
  }

  #remove(name: string): void {
    const last = this.#clusters.get(name);
    this.#clusters.delete(name);
    this.#messages.delete(name);
    last?.close(() => !this.#clusters.has(name));
  }

  applyAssignments(changed: readonly NamedResource[], removed: readonly string[]): Rejection[] {
    const rejected = rejectionsOf(changed, ({ name, any }) => this.#assign(name, unpack(any, ClusterLoadAssignment)));
    for (const name of removed) this.#assign(name, { clusterName: name });
    return rejected;
  }

  #assign(name: string, assignment: ClusterLoadAssignment): void {
    for (const runtime of this.#clusters.values())
      if (runtime.compiled.type === "EDS" && runtime.compiled.edsServiceName === name) runtime.assign(assignment);
    this.#assignments.set(name, assignment);
    this.#onMembers(name);
  }

  /** Those who look at where their caller's own service is look again. */
  #onMembers(name: string): void {
    for (const { compiled, endpoints } of this.#clusters.values()) {
      const own = (compiled.caller ?? this.#services.local)?.clusterName;
      if (compiled.localities?.t !== "zoneAware" || own === undefined) continue;
      if (own === name || this.#clusters.get(own)?.compiled.edsServiceName === name) endpoints.refresh();
    }
  }

  /** A secret has changed: clusters that use it open new connections with it. */
  onSecret(name: string): void {
    for (const runtime of this.#clusters.values())
      if (runtime.compiled.secretNames.has(name)) runtime.renewConnections();
  }

  sweep(nowMs: number): void {
    for (const runtime of this.#clusters.values()) runtime.sweep(nowMs);
  }

  close(): void {
    for (const name of this.#clusters.keys()) this.#remove(name);
  }
}
