/**
 * What the control plane counts, under the names of Istio's, for dashboards that exist.
 *
 * @module
 */
import type { Problem } from "../../base/problem.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Counter, Gauge, Histogram } from "../../telemetry/metrics.ts";
import type { MetricDefinition, Registry } from "../../telemetry/registry.ts";

const keep = (name: string, help: string): MetricDefinition => ({ name, help, idle: "keep" });

const PUSHES = keep("pilot_xds_pushes", "Discovery responses sent, by type");
const REJECTS = keep("pilot_total_xds_rejects", "Discovery responses that a proxy refused, by type");
const TRIGGERS = keep("pilot_push_triggers", "Publishings, by what caused them");
const PROBLEMS = keep("tulle_config_problems", "Problems of the documents, by severity");

/** Seconds, as Istio's. */
const CONVERGENCE_BOUNDS = [0.1, 0.5, 1, 3, 5, 10, 20, 30];

export class ControlPlaneMetrics {
  readonly registry: Registry;
  readonly connected: Gauge;
  readonly #services: Gauge;
  readonly #virtualServices: Gauge;
  readonly convergence: Histogram;
  readonly certificateRequests: Counter;
  readonly certificatesIssued: Counter;
  readonly certificateRequestErrors: Counter;
  readonly certificateAuthenticationFailures: Counter;
  readonly #rootExpiry: Gauge;
  readonly #residentBytes: Gauge;

  constructor(registry: Registry, version: string) {
    this.registry = registry;
    registry.gauge(keep("pilot_info", "The control plane's version"), { version }).set(1);
    this.connected = registry.gauge(keep("pilot_xds", "Proxies that are connected"), { version });
    this.#services = registry.gauge(keep("pilot_services", "Services that are known"));
    this.#virtualServices = registry.gauge(keep("pilot_virt_services", "VirtualServices that are applied"));
    const convergence = "Seconds from a change to its acknowledgement by a proxy";
    this.convergence = registry.histogram({
      ...keep("pilot_proxy_convergence_time", convergence),
      bounds: CONVERGENCE_BOUNDS,
    });
    const counter = (name: string, help: string): Counter => registry.counter(keep(`citadel_server_${name}`, help));
    this.certificateRequests = counter("csr_count", "Certificate requests received");
    this.certificatesIssued = counter("success_cert_issuance_count", "Certificates issued");
    this.certificateRequestErrors = counter("csr_parsing_err_count", "Certificate requests that could not be used");
    this.certificateAuthenticationFailures = counter("authentication_failure_count", "Callers that were refused");
    this.#rootExpiry = registry.gauge(
      keep("citadel_server_root_cert_expiry_timestamp", "End of the root, Unix seconds"),
    );
    this.#residentBytes = registry.gauge(keep("process_resident_memory_bytes", "Resident memory"));
  }

  /** @param type `cds`, `eds`, `lds`, `rds`, `sds`, or a type URL. */
  pushed(type: string, n: number): void {
    this.registry.counter(PUSHES, { type }).add(n);
  }

  rejected(type: string): void {
    this.registry.counter(REJECTS, { type }).add();
  }

  triggered(type: string): void {
    this.registry.counter(TRIGGERS, { type }).add();
  }

  /** Reads what is a state and not an event. */
  measure(mesh: Mesh, problems: readonly Problem[], rootEndMs: number, residentBytes: number | undefined): void {
    this.#services.set(mesh.services.length);
    this.#virtualServices.set(mesh.virtualServices.length);
    this.#rootExpiry.set(Math.round(rootEndMs / 1000));
    if (residentBytes !== undefined) this.#residentBytes.set(residentBytes);
    for (const severity of ["error", "warning"] as const)
      this.registry.gauge(PROBLEMS, { severity }).set(problems.filter((p) => p.severity === severity).length);
  }
}
