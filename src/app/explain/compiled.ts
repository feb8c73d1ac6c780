/**
 * Resources in their compiled form, each compiled once: many questions are asked of one mesh.
 *
 * @module
 */
import { type CompiledCluster, compileCluster } from "../../engine/cluster/cluster.ts";
import { type CompiledHttp, compileHttp } from "../../engine/http.ts";
import { type ChainTerminal, type CompiledListener, compileListener } from "../../engine/listener/listener.ts";
import type { ProxyResources } from "../../translate/translate.ts";
import type { Cluster } from "../../xds/proto/cluster.ts";
import type { HttpConnectionManager } from "../../xds/proto/http-connection-manager.ts";
import type { Listener } from "../../xds/proto/listener.ts";

type HttpTerminal = Extract<ChainTerminal, { readonly t: "http" }>;

export class CompiledResources {
  readonly #listeners = new WeakMap<Listener, CompiledListener>();
  readonly #clusters = new WeakMap<Cluster, CompiledCluster>();
  readonly #managers = new WeakMap<ProxyResources, Map<HttpConnectionManager, CompiledHttp>>();

  listener(message: Listener): CompiledListener {
    return keptIn(this.#listeners, message, () => compileListener(message));
  }

  cluster(message: Cluster): CompiledCluster {
    return keptIn(this.#clusters, message, () => compileCluster(message));
  }

  /** @param resources Of the proxy: where route configurations are. */
  http(resources: ProxyResources, { hcm, path }: HttpTerminal): CompiledHttp {
    const own = keptIn(this.#managers, resources, () => new Map<HttpConnectionManager, CompiledHttp>());
    const known = own.get(hcm);
    if (known !== undefined) return known;
    const made = compileHttp(hcm, (name) => resources.routes.find((r) => r.name === name), { path });
    own.set(hcm, made);
    return made;
  }
}

function keptIn<K extends object, V>(kept: WeakMap<K, V>, key: K, make: () => V): V {
  const known = kept.get(key);
  if (known !== undefined) return known;
  const made = make();
  kept.set(key, made);
  return made;
}
