/**
 * Where routes of the Gateway API are served.
 *
 * @module
 */
import type { Mesh } from "../../model/mesh.ts";
import type { Scope } from "../scope.ts";

export interface RequestContext {
  readonly mesh: Mesh;
  readonly scope: Scope;
  /** The listener's port, or the Service's. */
  readonly port: number;
  /** Its clients speak TLS, which ends here. */
  readonly isTls: boolean;
  /** Where HTTPS answers instead of 443; undefined where it is 443 itself. */
  readonly httpsPort: number | undefined;
}
