/**
 * What a proxy does under too much load, as its bootstrap and its command line say.
 *
 * @module
 */
import { CompileError } from "../../engine/compile-error.ts";
import { type CompiledOverload, compileOverload, defaultOverload } from "../../engine/overload/compile.ts";
import type { Bootstrap } from "../../xds/proto/bootstrap.ts";
import type { JsonValue } from "../../xds/types/struct.ts";

/**
 * @param maxMemoryBytes Of the command line; undefined where it says nothing.
 * @param machineBytes All the memory that the process may have.
 * @throws {CompileError} With the field's path.
 */
export function overloadOf(
  { overloadManager, layeredRuntime }: Bootstrap,
  maxMemoryBytes: number | undefined,
  machineBytes: number,
): CompiledOverload {
  if (overloadManager !== undefined && maxMemoryBytes !== undefined)
    throw new CompileError(
      "overload_manager",
      "is given, and so is --max-memory: say it in one place, and remove the other",
    );
  const compiled =
    overloadManager === undefined ? defaultOverload(maxMemoryBytes ?? machineBytes) : compileOverload(overloadManager);
  const runtime = (layeredRuntime?.layers ?? []).map(({ staticLayer }) => connectionsIn(staticLayer));
  const maxConnections = runtime.findLast((limit) => limit !== undefined);
  // As in Envoy, the monitor is the newer way to say it, and it wins.
  if (maxConnections === undefined || Number.isFinite(compiled.maxConnections)) return compiled;
  return { ...compiled, maxConnections };
}

const KEY = "overload.global_downstream_max_connections";

/** The key may be written with dots, or as objects in each other. */
function connectionsIn(layer: Readonly<Record<string, JsonValue | undefined>> | undefined): number | undefined {
  const nested = layer?.["overload"];
  const inner =
    typeof nested === "object" && nested !== null && !Array.isArray(nested)
      ? (nested as Readonly<Record<string, JsonValue | undefined>>)["global_downstream_max_connections"]
      : undefined;
  const value = layer?.[KEY] ?? inner;
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value > 0) return value;
  throw new CompileError(`layered_runtime: ${KEY}`, `must be a whole number above 0, found ${JSON.stringify(value)}`);
}
